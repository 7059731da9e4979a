/* Pictures of a table: those that are pasted or dropped are sent with the form, and the cells hold their names. */
import { createElement, find } from "./dom.js";

const shown = new Map(); // name → address of the picture in this page
const isPicture = (file) => file.type.startsWith("image/") || /\.(heic|heif|avif)$/i.test(file.name);
export const picturesIn = (transfer) => [...transfer.files].filter(isPicture);

/* What the clipboard holds is always called image.png, so each gets a name of its own. */
const renamed = (file, taken) => {
  let number = 1;
  const ending = file.type.split("/")[1] || "png";
  while (taken.has(`pasted-${number}.${ending}`)) number += 1;
  return new File([file], `pasted-${number}.${ending}`, { type: file.type });
};

/* Adds them to the field that sends them, and returns their names. One of the same name is replaced. */
export const addPictures = (files, arePasted) => {
  const field = find("#pictures");
  const kept = new Map([...field.files].map((file) => [file.name, file]));
  const names = files.map((file) => {
    const added = arePasted ? renamed(file, kept) : file;
    kept.set(added.name, added);
    shown.set(added.name, URL.createObjectURL(added));
    return added.name;
  });
  const transfer = new DataTransfer();
  for (const file of kept.values()) transfer.items.add(file);
  field.files = transfer.files;
  return names;
};

/* Shows the picture beside its name. */
export const showPicture = (cell, name) => {
  if (shown.has(name)) cell.prepend(createElement("img", { src: shown.get(name), alt: "" }));
};
