"""What can go wrong in the store, in the words of its users."""


class StoreError(Exception):
    """Something the caller can understand; its text may be shown."""


class NotFoundError(StoreError):
    """What was named is not there."""


class ConflictError(StoreError):
    """What was sent contradicts what is stored."""


class InvalidError(StoreError):
    """What was asked or sent is not of the right form."""


class ForbiddenError(StoreError):
    """Whoever asks may not do this."""


class BusyError(StoreError):
    """The write lane is full; try again."""


class UnavailableError(StoreError):
    """The database can not do this now: disk full, locked, gone."""


class SchemaMismatchError(StoreError):
    """The database holds another version of the tables than this program."""


class TooSlowError(StoreError):
    """The database needed longer than it may; `advice` says what to ask instead."""

    def __init__(self, told: str, advice: str | None = None) -> None:
        super().__init__(f"{told}; {advice}" if advice else told)
        self.told = told


class UnsupportedError(StoreError):
    """A cluster does not do a statement that every single database does."""


class TooManyRowsError(StoreError):
    """A question needs more rows than may be read for it."""
