// What is wrong in each picture: texts that are clipped, dim, or over each other.
const channels = (color) => color.match(/[\d.]+/g).map(Number);

function light(color) {
  const [r, g, b] = color.slice(0, 3).map((v) => {
    const part = v / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const mixed = (top, under, share) =>
  top.slice(0, 3).map((v, i) => v * share + under[i] * (1 - share));

function below(rects, x, y) {
  let color = [255, 255, 255];
  for (const rect of rects) {
    const box = rect.getBBox();
    const style = getComputedStyle(rect);
    const inside = x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height;
    if (!inside || style.fill === "none") continue;
    const own = channels(style.fill);
    const share = Number(style.fillOpacity) * Number(style.opacity) * (own[3] ?? 1);
    color = mixed(own, color, share);
  }
  return color;
}

function faults(svg) {
  const wrong = [];
  const view = svg.viewBox.baseVal;
  const rects = [...svg.querySelectorAll("rect")];
  const texts = [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim());
  const boxes = texts.map((t) => t.getBBox());
  texts.forEach((text, i) => {
    const box = boxes[i];
    const right = box.x + box.width;
    const bottom = box.y + box.height;
    if (box.x < -0.5 || box.y < -0.5 || right > view.width + 0.5 || bottom > view.height + 0.5) {
      wrong.push(`clipped: ${text.textContent}`);
    }
    const color = light(channels(getComputedStyle(text).fill));
    const back = light(below(rects, box.x + box.width / 2, box.y + box.height / 2));
    const ratio = (Math.max(color, back) + 0.05) / (Math.min(color, back) + 0.05);
    if (ratio < 3) wrong.push(`${ratio.toFixed(2)}: dim: ${text.textContent}`);
    for (let j = i + 1; j < texts.length; j++) {
      const other = boxes[j];
      const wide = Math.min(right, other.x + other.width) - Math.max(box.x, other.x);
      const high = Math.min(bottom, other.y + other.height) - Math.max(box.y, other.y);
      if (wide > 2 && high > 4) {
        wrong.push(`over each other: ${text.textContent} | ${texts[j].textContent}`);
      }
    }
  });
  return wrong;
}

const found = [...document.querySelectorAll(".picture")].map((host) => {
  const root = host.attachShadow({ mode: "open" });
  root.innerHTML = host.querySelector("template").innerHTML;
  return { name: host.dataset.name, wrong: faults(root.querySelector("svg")) };
});
document.querySelector("#told").textContent = JSON.stringify(found);
