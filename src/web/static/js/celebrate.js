// Confetti when a deal tips while its page is open: once per deal and session, and never with reduced motion.

const COLOURS = ["#e54d2e", "#12a594", "#ffc53d", "#fdbdaf", "#83cdc1"];
const PIECES = 140;
const LENGTH_MS = 2600;

const alreadySeen = (deal) => {
  try {
    const key = `celebrated:${deal}`;
    if (sessionStorage.getItem(key)) return true;
    sessionStorage.setItem(key, "yes");
  } catch {
    // Storage can be disabled. Then confetti appears once per page.
  }
  return false;
};

const piece = (width, i) => ({
  x: width * (0.5 + (Math.random() - 0.5) * 0.5),
  speedX: (Math.random() - 0.5) * 0.7,
  speedY: -0.55 - Math.random() * 0.6,
  turn: Math.random() * Math.PI,
  size: 5 + Math.random() * 6,
  colour: COLOURS[i % COLOURS.length],
});

export function celebrate(deal) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches || alreadySeen(deal)) return;
  const canvas = document.createElement("canvas");
  canvas.className = "confetti";
  canvas.setAttribute("aria-hidden", "true");
  document.body.append(canvas);
  const scale = Math.min(2, devicePixelRatio || 1);
  const [width, height] = [innerWidth, innerHeight];
  canvas.width = width * scale;
  canvas.height = height * scale;
  const brush = canvas.getContext("2d");
  brush.scale(scale, scale);
  const pieces = Array.from({ length: PIECES }, (_, i) => piece(width, i));
  let start;

  requestAnimationFrame(function draw(time) {
    start ??= time;
    const t = time - start;
    if (t > LENGTH_MS) return canvas.remove();
    brush.clearRect(0, 0, width, height);
    brush.globalAlpha = Math.min(1, (LENGTH_MS - t) / 600);
    for (const p of pieces) {
      brush.save();
      brush.translate(p.x + p.speedX * t, height * 0.55 + p.speedY * t + 0.00055 * t * t);
      brush.rotate(p.turn + t * 0.006);
      brush.fillStyle = p.colour;
      brush.fillRect(-p.size / 2, -p.size / 4, p.size, p.size / 2);
      brush.restore();
    }
    requestAnimationFrame(draw);
  });
}
