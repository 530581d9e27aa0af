"""Failures that a user can mend: reported as one line, without a traceback."""


class ExpectedError(Exception):
    """A failure whose cause lies outside the code.

    The message is one line that names the file, row or key, what is wrong there,
    and the remedy.
    """


class InputError(ExpectedError):
    """A source, table or file holds something that cannot be used."""


class ConfigError(ExpectedError):
    """A config value or a combination of values is not allowed."""


class DownloadError(ExpectedError):
    """A remote source could not be fetched completely and correctly."""


class OutputError(ExpectedError):
    """A file cannot be written: no space, or a quota or limit on file sizes is reached."""


class IntegrityError(ExpectedError):
    """A file that an earlier step wrote is missing, truncated or altered."""


class MissingKeyError(IntegrityError, KeyError):
    """A file that an earlier step wrote lacks a key: another file stands in its place."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would quote it
