// Light or dark: what the system says, until the person says otherwise on this device.
// A classic script in <head>, so that the first paint has the right colours.
(() => {
  const KEY = "goldleaf.theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {
    // a browser without storage keeps the system's choice
  }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

  const dark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      const show = () => button.setAttribute("aria-pressed", String(dark()));
      button.addEventListener("click", () => {
        root.dataset.theme = dark() ? "light" : "dark";
        try {
          localStorage.setItem(KEY, root.dataset.theme);
        } catch {
          // it holds for this page only
        }
        show();
        document.dispatchEvent(new CustomEvent("goldleaf:theme"));
      });
      system.addEventListener("change", () => {
        show();
        document.dispatchEvent(new CustomEvent("goldleaf:theme"));
      });
      show();
    }
  });
})();
