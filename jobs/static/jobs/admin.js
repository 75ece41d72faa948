// What the admin's own scripts leave out: names of cells and of fields, and filters that are folded on a telephone.
(function () {
  "use strict";

  // On a narrow screen a row is a card, and each cell says what it is.
  function nameCells() {
    const heads = Array.from(document.querySelectorAll("#result_list thead th"));
    document.querySelectorAll("#result_list tbody tr").forEach(function (row) {
      Array.from(row.children).forEach(function (cell, at) {
        const name = heads[at] ? heads[at].textContent.trim() : "";
        if (name) {
          cell.dataset.label = name;
        }
      });
    });
  }

  // Select2 draws a field of its own, which the label of the hidden one doesn't name.
  function nameChoosers() {
    document.querySelectorAll("select.admin-autocomplete[id]").forEach(function (field) {
      const label = document.querySelector('label[for="' + field.id + '"]');
      const drawn = field.parentElement.querySelector(".select2-selection");
      if (label && drawn) {
        label.id = label.id || field.id + "-label";
        drawn.setAttribute("aria-labelledby", label.id);
        const shown = drawn.querySelector("[role=textbox]");
        if (shown) {
          shown.setAttribute("aria-labelledby", label.id);
        }
      }
    });
  }

  // Choosers of several have a hint that is a picture, and say so to nobody.
  function tellPictures() {
    document.querySelectorAll(".help-tooltip[aria-label]").forEach(function (hint) {
      hint.setAttribute("role", "img");
    });
  }

  const filters = document.querySelector(".all-filters");
  if (filters && window.matchMedia("(max-width: 767px)").matches) {
    filters.open = false;
  }
  nameCells();
  // They are drawn once everything is loaded.
  window.addEventListener("load", tellPictures);
  // In the queue of jQuery, behind what draws them.
  if (window.django && window.django.jQuery) {
    window.django.jQuery(nameChoosers);
  }
})();
