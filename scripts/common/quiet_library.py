"""Keeps transformers from talking into the logs of steps."""


def quieten_library() -> None:
    """Keep the library's bars and its notes on the fresh head out of logs."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
