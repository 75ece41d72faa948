"""A data folder that takes no writes is named in one line, with the remedy."""

import errno
import os
import tempfile

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import writable_folder


def test_a_folder_that_takes_writes_is_left_as_it_was(tmp_path):
    writable_folder.require(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "for writing"), (errno.EACCES, "give it to"), (errno.EIO, "see to it")],
)
def test_one_that_takes_none_is_named_with_the_remedy(tmp_path, monkeypatch, number, remedy):
    def refuse(**_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(ImproperlyConfigured) as refused:
        writable_folder.require(tmp_path)
    message = str(refused.value)
    assert str(tmp_path) in message
    assert remedy in message
    assert "\n" not in message
