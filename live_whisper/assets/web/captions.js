// Every message holds the captions finished since the last one and the newest state of the rest.
// Text is only ever set as text: it comes from a model.

const MOST_LINES = 500;
const lines = document.getElementById("lines");
const tails = document.getElementById("tails");
const status = document.getElementById("status");
const wishes = new URLSearchParams(location.search);
const size = Number(wishes.get("size"));
let newest = 0;
let run = "";

if (wishes.has("obs")) document.body.classList.add("obs");
if (size >= 8 && size <= 400) document.documentElement.style.setProperty("--size", `${size}px`);

function paragraph(name, parts) {
  const element = document.createElement(name);
  element.dir = "auto";
  for (const [text, kind] of parts) {
    const part = document.createElement("span");
    if (kind) part.className = kind;
    part.textContent = text;
    element.append(part);
  }
  return element;
}

function describe(now) {
  if (now.state === "ended") return "The recording has ended.";
  if (now.state === "loading") return "The model is being loaded; what is said is kept.";
  const lag = now.lag > 3 ? `, ${now.lag} s behind` : "";
  return `${now.speaking ? "speech" : "silence"}${lag}`;
}

function show(now) {
  const wasAtEnd = innerHeight + scrollY >= document.body.scrollHeight - 40;
  document.documentElement.lang = now.language || "en";
  if (now.run !== run) {  // the program was started again
    run = now.run;
    newest = 0;
    lines.replaceChildren();
  }
  for (const line of now.lines) {
    if (line.id <= newest) continue;
    newest = line.id;
    const item = paragraph("li", [[line.text, ""]]);
    item.title = line.time;
    lines.append(item);
  }
  while (lines.childElementCount > MOST_LINES) lines.firstElementChild.remove();
  tails.replaceChildren(
    ...now.tails.map((t) => paragraph("p", [[t.label + t.committed, ""], [t.guess, "guess"]])),
  );
  status.textContent = describe(now);
  if (wasAtEnd) scrollTo(0, document.body.scrollHeight);
}

const source = new EventSource("events");
source.onmessage = (message) => {
  const now = JSON.parse(message.data);
  show(now);
  if (now.state === "ended") source.close();
};
source.onerror = () => {
  status.textContent = "Not connected; trying again …";
};
