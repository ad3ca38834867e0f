/** Shows the product that `?item=` names; the first one when there is none of that name. */
const items = [...document.querySelectorAll<HTMLElement>("[data-item]")];
const wanted = new URLSearchParams(location.search).get("item");
const shown = items.find((item) => item.dataset.item === wanted) ?? items[0];
for (const item of items) item.hidden = item !== shown;
const name = shown?.querySelector("h1")?.textContent;
if (name) document.title = `${name} · Kestrel & Finch`;
