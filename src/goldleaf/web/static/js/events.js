// News from the server, as it happens. The browser reconnects by itself.

/** Calls `on.status(status)` and `on.questions()`; older news than what is known is left out. Returns `close`. */
export function listen(on) {
  let newest = -1;
  const source = new EventSource("/api/events");
  source.addEventListener("status", (event) => {
    const status = JSON.parse(event.data);
    if (status.version < newest) return;
    newest = status.version;
    on.status?.(status);
  });
  source.addEventListener("questions", () => on.questions?.());
  source.addEventListener("open", () => on.open?.());
  source.addEventListener("error", () => on.lost?.());
  addEventListener("pagehide", () => source.close());
  return () => source.close();
}
