// What the server put into the page for its modules: a data block, so that nothing inline is executed.

/** `{csrf, user, project, task, page, …}`; see docs/page.md for each page's own part. */
export const boot = JSON.parse(document.getElementById("boot")?.textContent ?? "{}");
export const task = boot.task ?? null;
