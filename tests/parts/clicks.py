"""What a person clicks, as the page sends it: the composer's Generate, the actions of a card, those of a selection."""

import uuid

HTMX = {"HX-Request": "true"}


def click_generate(client, headers=None, **fields):
    """Sends the composer with a prompt and a form token of its own. A field that is None is left out."""
    form = {"prompt": "a lighthouse", "token": uuid.uuid4().hex} | fields
    return client.post("/generate", {name: value for name, value in form.items() if value is not None}, headers=headers)


def click(client, generation, action, headers=None, **fields):
    """Takes this action on one generation: cancel, retry, favourite, …"""
    return client.post(f"/g/{generation.public_id}/{action}", fields, headers=headers)


def click_selected(client, operation, generations, headers=None, follow=False, **fields):
    """Takes this action on all of these at once."""
    form = {"operation": operation, "ids": [str(generation.public_id) for generation in generations]} | fields
    return client.post("/selected", form, headers=headers, follow=follow)
