/* Many at once as a spreadsheet: one cell has the focus; it is typed into, pasted into and filled down. The text of the
   table is what is sent, so every change is written there; the results come with Check. */
import { createElement, find, findAll, listen } from "./dom.js";
import { startKeeping } from "./kept-table.js";
import { addPictures, picturesIn, showPicture } from "./pictures.js";

const BLANK_ROWS = 5;
const MAX_UNDONE = 100;
const text = find("#table");
const file = find("#table-file");
let columns = [];
let rows = []; // arrays of strings, without the first line
let focused = [0, 0]; // row and column
let shownText; // the table as text that the cells show
const undone = [];

/* The CSV that the server wrote: commas, quotes where they are needed. Pasted cells come with tabs. */
const parse = (source, separator) => {
  const lines = [[""]];
  let isQuoted = false;
  for (let at = 0; at < source.length; at += 1) {
    const char = source[at];
    const cells = lines.at(-1);
    const isStart = !cells.at(-1);
    if (isQuoted && char === '"' && source[at + 1] === '"') cells[cells.length - 1] += source[(at += 1)];
    else if (char === '"' && (isQuoted || isStart)) isQuoted = !isQuoted;
    else if (isQuoted) cells[cells.length - 1] += char;
    else if (char === separator) cells.push("");
    else if (char === "\n") lines.push([""]);
    else if (char !== "\r") cells[cells.length - 1] += char;
  }
  return lines.filter((cells) => cells.some(Boolean));
};

const quoted = (cell) => (/[",\n\r]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
const written = () => [columns, ...rows.filter((cells) => cells.some(Boolean))];

const keepText = () => {
  text.value = written()
    .map((cells) => cells.map(quoted).join(","))
    .join("\n");
  shownText = text.value;
  find(".many").classList.add("is-changed");
};

/* What is typed as text, or is in a chosen file, is in the cells after Check. Until then they take no changes, which
   would overwrite the text, and there is no Generate, which would not make what they show. */
const lockCells = () => {
  const isNewer = text.value !== shownText || file.files.length > 0;
  find(".many").classList.toggle("is-newer", isNewer);
  find(".sheet-table").inert = isNewer;
};

const body = () => find(".sheet-table tbody");
const rowAt = (row) => body().rows[row];
const cellAt = ([row, column]) => rowAt(row)?.cells[column + 1]; // the first one is the tick
const valueAt = ([row, column]) => rows[row]?.[column] || "";

const show = (place) => {
  const cell = cellAt(place);
  cell.textContent = valueAt(place);
  showPicture(cell, valueAt(place));
  cell.classList.remove("is-wrong", "is-odd");
  cell.classList.add("is-edited");
  const price = rowAt(place[0]).cells[columns.length + 1];
  if (price) price.textContent = "…";
};

const addRow = () => {
  const number = body().rows.length + 1;
  const row = body().insertRow();
  const head = createElement("th", { scope: "row", textContent: number });
  row.append(head);
  for (const column of columns) row.insertCell().className = `of-${column}`;
  row.insertCell().className = "num";
  for (const cell of [...row.cells].slice(1, -1)) cell.tabIndex = -1;
  rows[number - 1] ||= columns.map(() => "");
};

/* Several changes at once are undone in one step. */
const change = (changes) => {
  undone.push(changes.map(([place]) => [place, valueAt(place)]));
  undone.splice(0, undone.length - MAX_UNDONE);
  apply(changes);
};

const apply = (changes) => {
  for (const [[row, column], value] of changes) {
    if (column >= columns.length) continue;
    while (!rowAt(row)) addRow();
    rows[row][column] = value;
    show([row, column]);
  }
  keepText();
};

const focusCell = (place) => {
  const cell = cellAt(place);
  if (!cell || place[1] < 0 || place[1] >= columns.length) return;
  for (const other of findAll("td[tabindex='0']", body())) other.tabIndex = -1;
  focused = place;
  cell.tabIndex = 0;
  cell.focus();
  cell.append(handle);
};

/* Dragged down, the handle fills the cells below with this one's value. */
const handle = createElement("i", { className: "fill-handle", ariaHidden: "true" });

const fillTo = (from, last) => {
  const changes = [];
  for (let row = from[0] + 1; row <= last; row += 1) changes.push([[row, from[1]], valueAt(from)]);
  if (changes.length) change(changes);
};

handle.onpointerdown = (event) => {
  event.preventDefault();
  handle.setPointerCapture(event.pointerId);
  const from = focused;
  handle.onpointerup = ({ clientX, clientY }) => {
    const row = document.elementFromPoint(clientX, clientY)?.closest("tbody tr");
    if (row) fillTo(from, row.sectionRowIndex);
    focusCell(from);
  };
};

/* A column with suggestions takes one line; the others may have several. */
const fieldFor = (column, value) => {
  const choices = document.getElementById(`choices-${column}`);
  const field = createElement(choices ? "input" : "textarea", { value, dir: "auto", ariaLabel: column });
  if (choices) field.setAttribute("list", choices.id);
  else field.rows = 1;
  return field;
};

/* Typing: the cell holds a field until Enter or Tab accepts it, or Escape cancels it. */
const edit = (place, value = valueAt(place)) => {
  const cell = cellAt(place);
  const field = fieldFor(columns[place[1]], value);
  let isOver = false;
  const end = (isTaken, move = [0, 0]) => {
    if (isOver) return;
    isOver = true;
    if (isTaken && field.value !== valueAt(place)) change([[place, field.value]]);
    else cell.replaceChildren(...before);
    if (!move) return; // the focus moved elsewhere
    focusCell([place[0] + move[0], place[1] + move[1]]);
    if (document.activeElement === document.body) focusCell(place);
  };
  const before = [...cell.childNodes];
  cell.replaceChildren(field);
  field.focus();
  field.onblur = () => end(true, null);
  field.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Escape") return end(false);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.altKey)) return;
    const moves = { Enter: [1, 0], Tab: [0, event.shiftKey ? -1 : 1] }[event.key];
    if (!moves || (event.key === "Enter" && event.shiftKey)) return;
    event.preventDefault();
    while (moves[0] && !rowAt(place[0] + 1)) addRow();
    end(true, moves);
  };
};

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const undo = () => {
  const last = undone.pop();
  if (last) apply(last);
};

const press = (event, place) => {
  const { key, ctrlKey, metaKey } = event;
  const isCommand = ctrlKey || metaKey;
  if (isCommand && key === "d" && place[0] > 0) change([[place, valueAt([place[0] - 1, place[1]])]]);
  else if (isCommand && key === "z") undo();
  else if (MOVES[key] && !isCommand) focusCell([place[0] + MOVES[key][0], place[1] + MOVES[key][1]]);
  else if (!isCommand && (key === "Enter" || key === "F2")) edit(place);
  else if (key === "Delete" || key === "Backspace") change([[place, ""]]);
  else if (!isCommand && !event.altKey && key.length === 1) edit(place, key);
  else return;
  event.preventDefault();
  if (isCommand || key === "Delete" || key === "Backspace") focusCell(place);
};

const placeOf = (target) => {
  const cell = target.closest?.(".sheet-table tbody td:not(.num:last-child)");
  return cell && [cell.parentElement.sectionRowIndex, cell.cellIndex - 1];
};

listen("keydown", (event) => {
  const place = !event.target.matches("textarea, input") && placeOf(event.target);
  if (place) press(event, place);
});

listen("click", ({ target }) => {
  const place = !target.matches("textarea, input, a") && placeOf(target);
  if (place) focusCell(place);
  if (target.closest("#add-row")) {
    addRow();
    focusCell([body().rows.length - 1, 0]);
  }
});

listen("dblclick", ({ target }) => {
  const place = !target.matches("textarea, input, a") && placeOf(target);
  if (place) edit(place);
});

/* Pictures fill the frames of this row and of those below, in this cell's column or the first that takes any. */
const isFrame = (column) => /^(reference|tail)_image$/.test(column);
const fillFrames = (names, [row, column]) => {
  const frames = isFrame(columns[column]) ? column : columns.findIndex(isFrame);
  if (frames < 0 || !names.length) return;
  change(names.map((name, down) => [[row + down, frames], name]));
  focusCell([row, frames]);
};

/* Dropped pictures whose names are in the table already are only added. */
listen("drop", (event) => {
  const files = event.target.closest(".many") ? picturesIn(event.dataTransfer) : [];
  if (!files.length) return;
  event.preventDefault();
  const names = addPictures(files, false);
  const known = new Set(rows.flat());
  rows.forEach((cells, row) => cells.forEach((name, column) => names.includes(name) && show([row, column])));
  const place = placeOf(event.target) || focused;
  fillFrames(names.filter((name) => !known.has(name)), place);
});

listen("dragover", (event) => {
  if (event.target.closest(".many") && event.dataTransfer.types.includes("Files")) event.preventDefault();
});

listen("paste", (event) => {
  const place = !event.target.matches("textarea, input") && placeOf(event.target);
  const words = event.clipboardData.getData("text/plain"); // a spreadsheet's cells come with a picture of them
  const pictures = place && !words ? picturesIn(event.clipboardData) : [];
  const pasted = place && parse(words, "\t");
  if (!pasted?.length && !pictures.length) return;
  event.preventDefault();
  if (pictures.length) return fillFrames(addPictures(pictures, true), place);
  const changes = pasted.flatMap((cells, down) =>
    cells.map((value, right) => [[place[0] + down, place[1] + right], value]),
  );
  change(changes);
  focusCell(place);
});

listen("copy", (event) => {
  const place = getSelection().isCollapsed && placeOf(event.target);
  if (!place) return;
  event.preventDefault();
  event.clipboardData.setData("text/plain", valueAt(place));
});

/* A column is added at the right, before the price. */
const addColumn = (column, heading) => {
  if (!columns.includes(column)) {
    const price = columns.push(column);
    const head = find(".sheet-table thead tr");
    const title = createElement("th", { scope: "col", className: `of-${column}`, textContent: heading });
    head.cells[price].before(title);
    for (const row of body().rows) {
      const cell = row.insertCell(price);
      cell.className = `of-${column}`;
      cell.tabIndex = -1;
      (rows[row.sectionRowIndex] ||= []).push("");
    }
    keepText();
  }
  focusCell([0, columns.indexOf(column)]);
};

listen("change", ({ target }) => {
  if (target.id !== "add-column" || !target.value) return;
  addColumn(target.value, target.selectedOptions[0].text);
  target.value = "";
});

/* Where there is no table yet, an empty one to be filled in. */
const build = () => {
  const table = find("#blank-table").content.firstElementChild.cloneNode(true);
  find(".grid-help").before(table);
  for (let row = 0; row < BLANK_ROWS; row += 1) addRow();
};

const start = () => {
  shownText = text.value;
  for (const field of [text, file]) field.oninput = lockCells;
  [columns, ...rows] = parse(text.value, ",");
  if (!columns) return;
  for (const cells of rows) while (cells.length < columns.length) cells.push("");
  if (!body()) build();
  for (const cell of findAll("tbody td:not(:last-child)", find(".sheet-table"))) cell.tabIndex = -1;
  const first = cellAt([0, 0]);
  if (first) first.tabIndex = 0;
  lockCells(); // after Back, a browser may have kept what was typed
};

if (text) {
  startKeeping();
  start();
}
