// what the theme leaves out for those who read by ear or by keyboard
for (const caption of document.querySelectorAll('.caption[role="heading"]')) caption.setAttribute("aria-level", "2");
document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "All pages");
document.querySelector(".toc-drawer")?.setAttribute("aria-label", "This page");

// what is wider than its place is moved by the arrow keys, once it has the focus
function reach() {
  for (const wide of document.querySelectorAll("pre, math[display='block'], .table-wrapper")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    else wide.removeAttribute("tabindex");
  }
}
reach();
addEventListener("resize", reach);
