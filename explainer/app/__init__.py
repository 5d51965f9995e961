"""The app: the only importable place that imports Streamlit. Pages are put together from what is here."""
