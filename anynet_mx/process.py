"""Settings of the whole process that make training faster."""

__all__ = ["keep_freed_memory"]


def keep_freed_memory() -> bool:
    """Keep freed memory in this process for later arrays, which makes training on CPUs faster.

    Returns False and changes nothing: MXNet's own allocator keeps freed memory.
    """
    return False
