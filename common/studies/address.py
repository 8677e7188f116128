"""The addresses of storages: valid forms, and display without passwords."""

import re
from pathlib import Path

import sqlalchemy

from common.errors import StudyError, shortened

JOURNAL = "journal:"
SQLITE = "sqlite:///"
_FORMS = "FILE, sqlite:///FILE, postgresql://USER@HOST/DATABASE or journal:FILE"
_SERVERS = ("postgresql", "postgresql+psycopg")


def storage_file(url: str) -> Path | None:
    """The file of an SQLite or journal storage; None for a server. Raises `StudyError`."""
    for prefix in (JOURNAL, SQLITE):
        if url.startswith(prefix):
            return _checked(url, url.removeprefix(prefix))
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", url)
    if scheme is None:
        return _checked(url, url)
    if scheme[1] not in _SERVERS or not url.startswith(f"{scheme[1]}://"):
        remedy = (
            "; write postgresql://" if scheme[1] == "postgres"
            else f"; for a file of that name write ./{shortened(url)}" if "/" not in url else ""
        )  # fmt: skip
        raise StudyError(f"storage: must be {_FORMS}; got {shortened(shown(url))}{remedy}")
    try:
        port = sqlalchemy.make_url(url).port
    except (ValueError, sqlalchemy.exc.ArgumentError) as error:
        raise StudyError(
            f"storage: must be postgresql://USER@HOST:PORT/DATABASE with a numeric port; "
            f"got {shortened(shown(url))}"
        ) from error
    if port is not None and not 0 < port < 1 << 16:
        raise StudyError(f"storage {shown(url)}: its port must be below 65536; got {port}")
    return None


def _checked(url: str, name: str) -> Path:
    if not name.strip() or name.endswith("/") or "\0" in name or name == ":memory:":
        raise StudyError(f"storage: must be {_FORMS}; got {shortened(repr(url))}")
    if "?" in name and not url.startswith(JOURNAL):
        raise StudyError(
            f"storage: an SQLite file must not have a ? in its name and takes no options; "
            f"got {shortened(repr(url))}"
        )
    path = Path(name)
    if path.is_dir():
        raise StudyError(f"storage {shortened(url)}: must be a file; got a directory")
    return path


def shown(url: str) -> str:
    """The address without its password."""
    if "://" not in url:
        return url
    try:
        address = sqlalchemy.make_url(url)
    except (ValueError, sqlalchemy.exc.ArgumentError):
        return re.sub(r"//[^/]*@", "//***@", url)
    if "password" in address.query:
        address = address.update_query_dict({"password": "***"})
    return address.render_as_string(hide_password=True)


def without_password(url: str, text: str) -> str:
    """The text of a server's message, which may repeat the address, without its password."""
    if storage_file(url) is not None:
        return text
    address = sqlalchemy.make_url(url)
    for password in (address.password, address.query.get("password")):
        if isinstance(password, str) and password:
            text = text.replace(password, "***")
    return text


def absolute(url: str) -> str:
    """The address as seen from any working directory. Raises `StudyError`."""
    path = storage_file(url)
    if path is None:
        return url
    return f"{JOURNAL if url.startswith(JOURNAL) else ''}{path.absolute()}"


def exists(url: str) -> bool:
    """Whether the storage may exist: its file does, or it is a server. Raises `StudyError`."""
    path = storage_file(url)
    return path is None or path.exists()
