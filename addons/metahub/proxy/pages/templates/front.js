"use strict";
// A page without TLS has no navigator.clipboard: what was selected is copied the old way there.
const select = (command) => {
  const range = document.createRange();
  range.selectNodeContents(command);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
};
const copy = async (command) => {
  select(command);
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(command.textContent);
  } else if (!document.execCommand("copy")) {
    throw new Error("not allowed");
  }
  getSelection().removeAllRanges();
};
for (const block of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await copy(block.querySelector("code"));
      button.textContent = "Copied";
    } catch {
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  block.append(button);
}
