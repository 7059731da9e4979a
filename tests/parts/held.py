"""Holds back requests of a page, to see what the page shows meanwhile."""


def until_held(page, held):
    """Waits until something is in the list `held`, in the browser's loop, which also runs the routes."""
    for _ in range(150):
        if held:
            return
        page.wait_for_timeout(100)
    raise AssertionError("nothing was asked")
