/* Says before the upload that these are too many or too large together: the studio would not take all of them. */
import { find } from "./dom.js";

const field = find("#videos");
const { maxFiles, maxBytes } = field.dataset;

const problem = (files) => {
  if (files.length > maxFiles)
    return `These are ${files.length} files. Choose up to ${maxFiles} at a time, and the others afterwards.`;
  const bytes = [...files].reduce((sum, file) => sum + file.size, 0);
  return bytes > maxBytes ? "These are too large together. Choose fewer at a time, and the others afterwards." : "";
};

field.addEventListener("change", () => {
  field.setCustomValidity(problem(field.files));
  field.reportValidity();
});
