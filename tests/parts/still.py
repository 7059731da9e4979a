"""Waits until a page stands still, before a test measures it or points at a place of it."""

STILL = """async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const ends = (one) => one.playState === "running" && one.effect?.getComputedTiming().endTime < Infinity;
    await frame();
    await frame();
    await Promise.all(document.getAnimations().filter(ends).map((one) => one.finished.catch(() => {})));
    for (let frames = 0, before = scrollY; frames < 5; before = scrollY) {  // it scrolls smoothly
        await frame();
        frames = scrollY === before ? frames + 1 : 0;
    }
}"""


def until_still(page):
    """What opens has grown into its size, and what moves or scrolls has come to its place."""
    page.evaluate(STILL)
