// Searches the list of the first page: a row is shown while every typed word is somewhere in it.
(function () {
  const search = document.getElementById("search");
  if (!search) return;
  const rows = Array.from(document.querySelectorAll("#nodes tr")).slice(1);
  const texts = rows.map((row) => (row.textContent + " " + row.dataset.more).toLowerCase());
  const found = document.getElementById("found");
  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, at) => {
      const meant = words.every((word) => texts[at].includes(word));
      row.hidden = !meant;
      if (meant) count += 1;
    });
    found.textContent = words.length ? count + " of " + rows.length : "";
    const hash = search.value ? "#" + encodeURIComponent(search.value) : " ";
    history.replaceState(null, "", hash);
  }
  search.addEventListener("input", show);
  search.value = decodeURIComponent(location.hash.slice(1)).trim();
  show();
})();
