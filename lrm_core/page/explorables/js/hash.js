// The state of each figure in the address of the page: #mixer=0.15,0.3,1,1,0&line=0.5, one key for each.

function hashEntries() {
  const parts = location.hash.slice(1).split("&").filter((part) => part.includes("="));
  return new Map(parts.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]));
}

/** The numbers kept under a key, null where they are missing, too few or no numbers. */
function readHash(key, count) {
  const numbers = (hashEntries().get(key) ?? "").split(",").map((text) => (text.trim() ? Number(text) : NaN));
  return numbers.length === count && numbers.every(Number.isFinite) ? numbers : null;
}

/** Keep numbers under a key beside what other figures keep, or forget the key (null); no entry in the history. */
function writeHash(key, numbers) {
  const entries = hashEntries();
  if (!numbers && !entries.has(key)) return; // an address that leads to a section stays
  if (numbers) entries.set(key, numbers.join(","));
  else entries.delete(key);
  const text = [...entries].map((entry) => entry.join("=")).join("&");
  history.replaceState(history.state, "", text ? `#${text}` : location.pathname + location.search);
}

/** The address that opens the page with one figure as it is. */
const linkTo = (key, numbers) => `${location.href.split("#")[0]}#${key}=${numbers.join(",")}`;

/** Put text on the clipboard; false where neither way of doing so works. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { readonly: "", style: "position:fixed;opacity:0" }), before = document.activeElement;
    field.value = text;
    document.body.append(field);
    field.focus();
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    before.focus();
    return copied;
  }
}
