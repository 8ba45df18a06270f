"""Paths of a run, made such that they do not depend on where a worker runs."""

import os
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from activity.common.stores import is_stored
from activity.labelling.jobs import Job
from activity.network.arguments import default_cache
from activity.network.engine import EngineOptions

Value = TypeVar("Value")


def absolute(path: Path, folder: Path) -> Path:
    """Make a path one that does not depend on where a process runs; of a store's it is already.

    A relative path may lead through links that only this machine has, and they are followed. An
    absolute one is what all machines know it by.

    Args:
        path: as it was given.
        folder: what it is relative to.
    """
    if is_stored(path):
        return path
    known = path.is_absolute() and ".." not in path.parts
    return path if known else Path(os.path.realpath(folder / path))


def placed(value: Value, folder: Path) -> Value:
    """Make all paths in a dataclass absolute, and the clip of a job.

    Args:
        value: an instance of a dataclass, such as a job or a classifier.
        folder: what the paths are relative to.
    """
    changed: dict[str, Any] = {}
    for field in fields(value):  # type: ignore[arg-type]
        found = getattr(value, field.name)
        if isinstance(found, Path):
            changed[field.name] = absolute(found, folder)
        elif is_dataclass(found):
            changed[field.name] = placed(found, folder)
    if isinstance(value, Job) and not is_stored(value.clip):
        changed["clip"] = str(absolute(Path(value.clip), folder))
    return replace(value, **changed)  # type: ignore[type-var]


def for_hosts(options: EngineOptions, folder: Path, cores: int) -> EngineOptions:
    """Give options of an engine that hold on every host: see ``on_host``.

    Exports are kept in each host's own cache, unless a person has named a folder.

    Args:
        options: as they hold on this machine.
        folder: what paths are relative to.
        cores: how many OpenVINO may use.
    """
    cache = options.cache_folder
    if cache is not None:
        cache = Path() if cache == default_cache() else absolute(cache, folder)
    return replace(options, cache_folder=cache, cores=cores)


def on_host(options: EngineOptions) -> EngineOptions:
    """Give the options that hold on the host where this is called, from those of ``for_hosts``."""
    cache = options.cache_folder
    named = cache is None or cache.is_absolute()
    return replace(options, cache_folder=cache if named else default_cache())
