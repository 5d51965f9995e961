"""The commands of ``python -m explainer``: each module has ``main(arguments) -> exit code`` and imports late."""
