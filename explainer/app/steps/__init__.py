"""Pages of steps in the app: their packets, the route that serves them, and the component that shows them."""
