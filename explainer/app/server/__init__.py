"""What serves the app: start, middleware, routes, uploads, and what is shared by all sessions."""
