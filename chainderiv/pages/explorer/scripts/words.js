// What the page says, in the language that is chosen or else the browser's.

const LANGUAGES = { en: ENGLISH, zh: CHINESE };
let language = "en";

function speak(chosen) {
  const own = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  language = chosen === "auto" ? own : chosen;
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t, DATA.wide);
}

// the words of that name, with what stands in {braces} filled in
function t(name, values = {}) {
  return LANGUAGES[language][name].replace(/\{(\w+)\}/g, (_, word) => values[word]);
}

const symbolOf = ({ of, layer }) => "∂C/∂" + (of === "x" ? "x" : of + lowered(layer));
