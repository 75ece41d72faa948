// What pages do beyond being read: refresh what is live, remember the reader's zone, copy, and answer keys.
(function () {
  "use strict";
  const root = document.documentElement;
  const PAUSED = "booper.paused";

  function rememberZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const path = root.dataset.base || "/";
    if (zone) {
      document.cookie = "booper_zone=" + encodeURIComponent(zone) + ";path=" + path + ";max-age=31536000;samesite=lax";
    }
  }

  // Parts that are live are asked for anew while the page is looked at, and nobody is choosing or reading in them.
  function refresh() {
    const isChoosing = document.querySelector("[data-live] input:checked, [data-live] details[open]");
    if (document.hidden || isChoosing || sessionStorage.getItem(PAUSED)) {
      return;
    }
    document.querySelectorAll("[data-live]").forEach(function (part) {
      part.dispatchEvent(new Event("refresh"));
    });
  }

  function showPause(button) {
    const isPaused = Boolean(sessionStorage.getItem(PAUSED));
    button.textContent = isPaused ? "paused" : "live";
    button.setAttribute("aria-pressed", String(isPaused));
    button.title = isPaused ? "Nothing is asked for until you go on" : "Asked for anew every 5 seconds; press to pause";
  }

  function pause(button) {
    if (sessionStorage.getItem(PAUSED)) {
      sessionStorage.removeItem(PAUSED);
    } else {
      sessionStorage.setItem(PAUSED, "1");
    }
    showPause(button);
  }

  function countChosen() {
    const bar = document.querySelector("[data-bar]");
    if (!bar) {
      return;
    }
    const chosen = document.querySelectorAll("input[name=job]:checked").length;
    bar.hidden = chosen === 0;
    const count = bar.querySelector("[data-count]");
    if (count) {
      count.textContent = chosen;
    }
  }

  // Which sample of code stands open survives that the part is asked for anew.
  let sample = "";
  document.addEventListener("toggle", function (event) {
    if (event.target.matches("details[name=samples]") && event.target.open) {
      sample = event.target.querySelector("pre").id;
    }
  }, true);
  document.addEventListener("htmx:afterSwap", function () {
    const code = sample && document.getElementById(sample);
    if (code && code.closest("details")) {
      code.closest("details").open = true;
    }
  });

  function copy(button) {
    const text = document.getElementById(button.dataset.copy).textContent;
    navigator.clipboard.writeText(text).then(function () {
      const before = button.textContent;
      button.textContent = "Copied";
      setTimeout(function () { button.textContent = before; }, 1500);
    });
  }

  function move(step) {
    const links = Array.from(document.querySelectorAll("a[data-row]"));
    if (links.length) {
      const at = links.indexOf(document.activeElement);
      links[Math.max(0, Math.min(links.length - 1, at + step))].focus();
    }
  }

  const KEYS = {
    "/": function () { const field = document.querySelector("input[name=q]"); if (field) { field.focus(); } },
    j: function () { move(1); },
    k: function () { move(-1); },
    "?": function () { const keys = document.getElementById("keys"); if (keys) { keys.showModal(); } },
  };

  document.addEventListener("keydown", function (event) {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (!isTyping && !event.ctrlKey && !event.metaKey && !event.altKey && KEYS[event.key]) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });

  document.addEventListener("click", function (event) {
    const target = event.target;
    if (target.matches("[data-pause]")) {
      pause(target);
    } else if (target.matches("[data-copy]")) {
      copy(target);
    }
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-all]")) {
      document.querySelectorAll("input[name=job]").forEach(function (box) { box.checked = event.target.checked; });
    }
    countChosen();
  });

  // On a narrow screen the navigation is moved sideways: where one is stands in view.
  const here = document.querySelector(".side [aria-current]");
  if (here) {
    here.scrollIntoView({ block: "nearest", inline: "center" });
  }
  rememberZone();
  document.querySelectorAll("[data-pause]").forEach(function (button) { button.hidden = false; showPause(button); });
  document.querySelectorAll("[data-all]").forEach(function (box) { box.hidden = false; });
  countChosen();
  if (document.querySelector("[data-live]")) {
    setInterval(refresh, 5000);
  }
})();
