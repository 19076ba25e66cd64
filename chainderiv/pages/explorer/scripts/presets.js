// The source's argument (Nielsen 2015, chapter 5), a view and a sentence for each step; its numbers come from the package.

const PRESETS = [
  {
    name: "slope", state: { second: "z", w: [-8, 8], up: [-8, 8], point: [1, 0], quantity: "below_quarter" },
    title: { en: "σ′ ≤ {supremum}", zh: "σ′ ≤ {supremum}" },
    says: {
      en: "The slope of the sigmoid is never above {supremum}, which it has at z = 0. With w = 1 every link w σ′(z) is at most {supremum}: four layers make 1/64, however the biases are chosen.",
      zh: "sigmoid 的斜率从不超过 {supremum}，在 z = 0 处取到。w = 1 时每个链节 w σ′(z) 至多为 {supremum}：四层就是 1/64，无论偏置怎样选。",
    },
  },
  {
    name: "usual", state: { depth: 20, w: [-1, 1], up: [-3, 3], point: [0.8, 0] },
    title: { en: "|w| < 1", zh: "|w| < 1" },
    says: {
      en: "Weights that are drawn as usual are mostly under 1 in size, and then every link is under 1/4. Twenty layers deep, the first one learns at less than a billionth of the last one's pace: the gradient vanishes.",
      zh: "按通常办法随机取的权重大多绝对值小于 1，于是每个链节都小于 1/4。二十层之下，第一层的学习速度不到最后一层的十亿分之一：梯度消失。",
    },
  },
  {
    name: "explodes", state: { second: "z", w: [0, 120], up: [-6, 6], point: [100, 0] },
    title: { en: "w = 100, z = 0", zh: "w = 100，z = 0" },
    says: {
      en: "With w = 100, and biases that keep every z at 0, each link is 100 · 1/4 = 25: the gradient explodes. It takes both at once, for a large |w| alone drives z to where σ′ is nearly 0.",
      zh: "取 w = 100，并让偏置使每个 z 都为 0，则每个链节是 100 · 1/4 = 25：梯度爆炸。两者缺一不可，因为只增大 |w| 会把 z 推到 σ′ 近于 0 的地方。",
    },
  },
  {
    name: "narrow", state: { w: [0, 20], up: [-12, 2], point: [DATA.bounds.widest_weight, -DATA.bounds.widest_weight / 2], quantity: "regime" },
    title: { en: "|w| ≈ {weight}", zh: "|w| ≈ {weight}" },
    says: {
      en: "A link reaches 1 only from |w| = {smallest} on, and only for inputs a in a narrow window. It is widest at |w| ≈ {weight}, and even there only {width} wide: on the map, exploding is a thin strip, and stable a still thinner edge of it.",
      zh: "只有 |w| ≥ {smallest} 时链节才可能达到 1，而且输入 a 须在一个窄窗内。窗口在 |w| ≈ {weight} 处最宽，也只有 {width}：图上爆炸只是一条细带，稳定则是它更细的边缘。",
    },
  },
  {
    name: "relu", state: { activation: "relu", depth: 20, w: [-3, 3], up: [-3, 3], point: [1, 0.5] },
    title: { en: "ReLU", zh: "ReLU" },
    says: {
      en: "The slope of ReLU is 1 or 0. Where all neurons are on, only w is left of each link, and w = 1 keeps the gradient at any depth; where one is off, the gradient is exactly 0.",
      zh: "ReLU 的斜率是 1 或 0。神经元全部开启时，每个链节只剩下 w，w = 1 时任意深度都保住梯度；只要有一个关闭，梯度就恰好为 0。",
    },
  },
  {
    name: "residual", state: { depth: 20, residual: true, w: [-4, 4], up: [-6, 6], point: [0.5, 0] },
    title: { en: "residual", zh: "残差" },
    says: {
      en: "When each layer adds to its input, a link is 1 + w σ′(z), so the product no longer vanishes of itself. For w > 0 every link is above 1; below 0 it can still shrink.",
      zh: "每层把结果加到自己的输入上时，链节是 1 + w σ′(z)，乘积不再自行消失。w > 0 时每个链节都大于 1；w < 0 时仍可能变小。",
    },
  },
];

const presetWords = (preset, what) =>
  preset[what][language].replace(/\{(\w+)\}/g, (_, word) => DATA.bounds.words[word]);

function drawPresets(place, sentence, state, choose) {
  place.replaceChildren(...PRESETS.map(preset => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.preset = preset.name;
    button.textContent = presetWords(preset, "title");
    button.setAttribute("aria-pressed", String(state.preset === preset.name));
    button.addEventListener("click", () => choose(preset));
    return button;
  }));
  const chosen = PRESETS.find(preset => preset.name === state.preset);
  sentence.textContent = chosen ? presetWords(chosen, "says") : t("argument_start");
}
