"""The errors that users see."""

import errno
import os
from collections.abc import Iterable

_ROOM = "; make room on that disk, then run this again"
_RIGHTS = "; make it writable, then run this again"
REMEDIES = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EFBIG: _ROOM}
REMEDIES |= {errno.EACCES: _RIGHTS, errno.EPERM: _RIGHTS, errno.EROFS: _RIGHTS}


class MovierecError(Exception):
    """Raised for bad input or a damaged file: one line says what is wrong, where, and what to do.

    Parameters
    ----------
    text
        The line.
    details
        More lines, which the command line shows below it.

    Attributes
    ----------
    status : int
        The exit status of the command line.

    Examples
    --------
    >>> import movierec as mr
    >>> try:
    ...     mr.load("no_such_folder")
    ... except mr.MovierecError as error:
    ...     print(error)
    no_such_folder: no such file or folder
    """

    status = 1

    def __init__(self, text: str, details: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.details = tuple(details)


class UsageError(MovierecError):
    """A command line that does not fit the command."""

    status = 2


class UnknownIdError(MovierecError, KeyError):
    """Raised for the id of a user, item or movie that a model does not know.

    Parameters
    ----------
    text
        The line.

    Examples
    --------
    >>> import movierec as mr
    >>> popularity = mr.Popularity().fit(([1, 1, 2], ["Alien", "Up", "Up"], [5, 2, 4]))
    >>> try:
    ...     popularity.recommend([3])
    ... except mr.UnknownIdError as error:
    ...     print(error)
    user 3 was not in the ratings that the model was fitted on
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)

    __str__ = Exception.__str__  # KeyError's adds quotes


class NotFittedError(ValueError, AttributeError):
    """Raised by an estimator that was not fitted yet, as scikit-learn's error of this name.

    Parameters
    ----------
    text
        The line.

    Examples
    --------
    >>> import movierec as mr
    >>> try:
    ...     mr.ALS().recommend()
    ... except mr.NotFittedError as error:
    ...     print(error)
    this ALS is not fitted; call fit first
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)


def reason_of(error: OSError) -> str:
    """Describe an OSError: the file, the system's message, and what to do about it."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason}{REMEDIES.get(error.errno or 0, '')}"
