"""axe, the checker of accessibility, on a page of a test's browser."""

from axe_playwright_python.sync_playwright import Axe

# Without `preload`, which reads stylesheets of stylesheets into inline styles, and the policy forbids those.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
RUN = "([context, options]) => axe.run(context || document, options).then(({ violations }) => violations)"


def violations(page, part=None):
    """{rule: [the elements that break it]} on the whole page, or within what the CSS selector `part` finds.

    A part costs a fraction of the page. Look at the whole page once, and then only at what opened on it.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate(RUN, [part, OPTIONS])
    return {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in found}
