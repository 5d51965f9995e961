"""The server of the app: start, middleware, routes, uploads, and the stores that all sessions share."""
