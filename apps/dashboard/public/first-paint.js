// Runs before the first paint so that neither the colour scheme nor the direction flickers. The keys are those of preferences.ts.
(function () {
  var root = document.documentElement;
  var stored = {};
  try {
    stored = {
      scheme: localStorage.getItem("presszero.colorScheme"),
      locale: localStorage.getItem("presszero.locale"),
    };
  } catch {}
  var dark =
    stored.scheme === "dark" || (stored.scheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  for (const name of ["data-mantine-color-scheme", "data-theme"]) root.setAttribute(name, dark ? "dark" : "light");
  var locale = stored.locale || navigator.language || "en";
  root.dir = locale.slice(0, 2) === "ar" ? "rtl" : "ltr";
})();
