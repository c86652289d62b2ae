// The announcement: puts the text into a live region, and leaves one alone that has it already.

export default function ({ data, parentElement }) {
  const region = parentElement.querySelector(".bnviz-announcement");
  if (region.textContent !== data.text) region.textContent = data.text;
}
