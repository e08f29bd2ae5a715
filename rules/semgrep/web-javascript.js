function show(element, name) {
  // ruleid: gk-js-html-from-value
  element.innerHTML = "<b>" + name + "</b>";
  // ruleid: gk-js-html-from-value
  element.insertAdjacentHTML("beforeend", `<b>${name}</b>`);
  // ruleid: gk-js-html-from-value
  document.write(location.hash);
  // ok: gk-js-html-from-value
  element.innerHTML = "";
  // ok: gk-js-html-from-value
  element.innerHTML = DOMPurify.sanitize(name);
  // ok: gk-js-html-from-value
  element.textContent = name;
}

function run(text) {
  // ruleid: gk-js-eval
  eval(text);
  // ruleid: gk-js-eval
  new Function("a", text);
  // ok: gk-js-eval
  JSON.parse(text);
  // ok: gk-js-eval
  setTimeout(() => run(text), 10);
}

function keep(value) {
  // ruleid: gk-js-token-in-storage
  localStorage.setItem("access_token", value);
  // ok: gk-js-token-in-storage
  localStorage.setItem("theme", value);
}

function tell(frame, value) {
  // ruleid: gk-js-message-to-anyone
  frame.postMessage(value, "*");
  // ok: gk-js-message-to-anyone
  frame.postMessage(value, "https://shop.example");
}
