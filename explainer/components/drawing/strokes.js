// Frames and arrows that several kinds of panel share.

/**
 * A box with round corners: filled, framed, or both.
 * @param {any} ctx
 * @param {number[]} box
 * @param {number | number[]} radius
 * @param {{fill?: any, line?: string, width?: number}} look
 */
export function roundBox(ctx, box, radius, { fill, line, width = 1 }) {
  ctx.beginPath();
  ctx.roundRect(...box, radius);
  Object.assign(ctx, { fillStyle: fill, strokeStyle: line, lineWidth: width });
  if (fill) ctx.fill();
  if (line) ctx.stroke();
}

/**
 * A frame `out` of a box.
 * @param {CanvasRenderingContext2D} ctx
 * @param {number[]} box
 */
export function frameBox(ctx, [x, y, width, height], out, line, thickness = 1) {
  ctx.strokeStyle = line;
  ctx.lineWidth = thickness;
  ctx.strokeRect(x - out, y - out, width + 2 * out, height + 2 * out);
}

/** A frame visible on any picture: dark outside, the colour, white inside. */
export function outline(ctx, x, y, width, height, colour, { strength = 1, radius = 0 } = {}) {
  const ring = (offset, thickness, style) => {
    const box = [x - offset, y - offset, width + 2 * offset, height + 2 * offset];
    roundBox(ctx, box, radius + Math.max(0, offset), { line: style, width: thickness });
  };
  ctx.save();
  ring(2.75 * strength, 1.5, "rgba(0,0,0,.8)");
  ring(1 * strength, 2.5 * strength, colour);
  if (width > 8 && height > 8) ring(-0.75 * strength, 1.25, "rgba(255,255,255,.95)");
  ctx.restore();
}

/** The frame of what has to do with what the reader points at elsewhere. */
export function litFrame(ctx, { x, y, w, h }, lit, paint, radius = 5) {
  ctx.save();
  ctx.setLineDash(lit === "read" ? [6, 4] : []);
  roundBox(ctx, [x - 4, y - 4, w + 8, h + 8], radius, { line: paint.theme.primary, width: 2.5 });
  ctx.restore();
}

/** The frame of what the pointer is on. */
export function hoverFrame(ctx, x, y, width, height, radius = 0) {
  ctx.save();
  for (const [line, thickness] of Object.entries({ "rgba(0,0,0,.65)": 3, "rgba(255,255,255,.98)": 1.25 }))
    roundBox(ctx, [x, y, width, height], radius, { line, width: thickness });
  ctx.restore();
}

/** The frame of a part that has been changed: white and black dashes, to be seen on any picture. */
export function dashedFrame(ctx, x, y, width, height) {
  ctx.save();
  ctx.lineWidth = width > 12 ? 1.5 : 1;
  for (const [style, offset] of Object.entries({ "rgba(0,0,0,.85)": 0, "rgba(255,255,255,.98)": 3 })) {
    ctx.setLineDash([3, 3]);
    ctx.lineDashOffset = offset;
    ctx.strokeStyle = style;
    ctx.strokeRect(x + 1, y + 1, width - 2, height - 2);
  }
  ctx.restore();
}

export function arrow(ctx, points, colour, { dashed = false, head = true } = {}) {
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = 1.75;
  ctx.lineJoin = ctx.lineCap = "round";
  ctx.setLineDash(dashed ? [5, 4] : []);
  ctx.beginPath();
  ctx.moveTo(...points[0]);
  for (let i = 1; i < points.length - 1; i++) ctx.arcTo(...points[i], ...points[i + 1], 9);
  ctx.lineTo(...points.at(-1));
  ctx.stroke();
  ctx.setLineDash([]);
  if (head) {
    const [[fromX, fromY], [x, y]] = points.slice(-2);
    const angle = Math.atan2(y - fromY, x - fromX);
    ctx.beginPath();
    for (const turn of [-0.5, 0.5]) {
      ctx.moveTo(x, y);
      ctx.lineTo(x - 8 * Math.cos(angle + turn), y - 8 * Math.sin(angle + turn));
    }
    ctx.stroke();
  }
  ctx.restore();
}
