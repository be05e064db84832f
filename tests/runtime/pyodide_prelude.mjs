// Stand-ins for what Pyodide looks for in its surroundings, which it does while its modules are evaluated:
// so this module is the first import of the Worker. Pyodide before 314 knows browsers and Node only, and
// workerd is to pass for a browser.
export const BASE = "https://pyodide.invalid/"; // where Pyodide believes its own files are

globalThis.location ??= { href: BASE, toString: () => BASE };
globalThis.window ??= globalThis;
globalThis.document ??= { createElement: () => undefined };
globalThis.sessionStorage ??= {};
globalThis.addEventListener = () => {}; // Emscripten listens for an event that workerd refuses
