// How wide the page in the frame is, what sticks out of it, and how wide its tables are.
document.querySelector("iframe").onload = () => {
  const inner = document.querySelector("iframe").contentDocument;
  const page = inner.documentElement;
  const found = {
    page: [page.scrollWidth, page.clientWidth],
    over: [...inner.querySelectorAll("main *")]
      .filter((e) => e.getBoundingClientRect().right > page.clientWidth + 1)
      .filter((e) => !e.closest("table, pre"))
      .map((e) => `${e.tagName}: ${e.textContent.slice(0, 60)}`)
      .slice(0, 5),
    tables: [...inner.querySelectorAll("table")].map((t) => ({
      head: t.textContent.trim().slice(0, 60),
      wide: t.scrollWidth,
      room: t.clientWidth,
    })),
  };
  document.querySelector("#told").textContent = JSON.stringify(found);
};
