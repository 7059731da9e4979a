"""The composer as a browser reads it: the contents of its fields and their errors."""

from html.parser import HTMLParser


class ReturnedForm(HTMLParser):
    """`values` (name → what a browser would send next), `sentences` (field → text), `headings`."""

    def __init__(self, page: str):
        super().__init__()
        self.values, self.sentences, self.headings = {}, {}, []
        self.open, self.text, self.select, self.is_elsewhere = None, [], None, False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, given):
        attributes = dict(given)
        name, value = attributes.get("name"), attributes.get("value") or ""
        if tag == "form":
            self.is_elsewhere = attributes.get("id") != "composer"
        elif tag in {"input", "select"} and (self.is_elsewhere or "form" in attributes):
            self.select = None
        elif tag in {"textarea", "h1"}:
            self.begin(tag, name)
        elif "data-field" in attributes or attributes.get("class") == "error":
            self.begin(tag, attributes.get("data-field", ""))
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in attributes or self.select not in self.values):
            self.values[self.select] = value
        elif tag == "input" and name:
            self.keep(attributes.get("type", "text"), "checked" in attributes, name, value)

    def keep(self, kind, is_checked, name, value):
        if kind in {"radio", "checkbox"}:
            if is_checked:
                self.values.setdefault(name, []).append(value)
        elif kind != "file":
            self.values[name] = value

    def begin(self, tag, name):
        self.open, self.text = (tag, name), []

    def handle_data(self, data):
        self.text.append(data)

    def handle_endtag(self, tag):
        if tag == "form":
            self.is_elsewhere = False
        if not self.open or tag != self.open[0]:
            return
        (_, name), text = self.open, "".join(self.text)
        if tag == "textarea":
            self.values[name] = text.removeprefix("\n")  # a browser drops the line end after the tag
        elif tag == "h1":
            self.headings.append(text)
        elif text.strip():
            self.sentences[name] = f"{self.sentences.get(name, '')} {text}".strip()
        self.open = None
