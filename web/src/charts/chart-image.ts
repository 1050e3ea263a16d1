import { visible } from '../design/visible.ts';

/** Properties that a chart takes from its style sheet; a standalone file needs them as attributes. */
const painted = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-linejoin'];
const lettered = ['font-family', 'font-size', 'text-anchor'];

const namespace = 'http://www.w3.org/2000/svg';
const [margin, titleHeight, lineHeight] = [12, 24, 18];

/** An entry of the legend: a name and its colour. */
export interface LegendItem {
  readonly name: string;
  readonly colour: string;
}

/** Returns a chart as a standalone SVG file, with styles as attributes, a background, a title and a legend. */
export function chartSvg(chart: SVGSVGElement, title: string, legend: readonly LegendItem[]): string {
  const { width, height } = chart.getBoundingClientRect();
  const top = titleHeight + lineHeight * legend.length;
  const file = document.createElementNS(namespace, 'svg');
  const size = { width: Math.ceil(width) + 2 * margin, height: Math.ceil(height) + top + 2 * margin };
  set(file, { xmlns: namespace, ...size, viewBox: `0 0 ${size.width} ${size.height}` });
  const { backgroundColor } = getComputedStyle(chart.closest('section') ?? document.body);
  const { color, fontFamily } = getComputedStyle(chart);
  const ground = document.createElementNS(namespace, 'rect');
  set(ground, { ...size, fill: backgroundColor });
  const text = (words: string, x: number, y: number, weight: string): SVGTextElement => {
    const element = document.createElementNS(namespace, 'text');
    set(element, { x, y, fill: color, 'font-family': fontFamily, 'font-size': 13, 'font-weight': weight });
    // XML allows no control characters, and an image from a data URL allows no lone surrogates.
    element.textContent = visible(words);
    return element;
  };
  const body = document.createElementNS(namespace, 'g');
  set(body, { transform: `translate(${margin} ${margin + top})` });
  body.append(...[...chart.children].map(withStyles));
  file.append(ground, text(title, margin, margin + 13, '600'));
  for (const [at, { name, colour }] of legend.entries()) {
    const y = margin + titleHeight + lineHeight * at + 10;
    const line = document.createElementNS(namespace, 'line');
    set(line, { x1: margin, x2: margin + 14, y1: y - 4, y2: y - 4, stroke: colour, 'stroke-width': 2 });
    file.append(line, text(name, margin + 20, y, '400'));
  }
  file.append(body);
  return new XMLSerializer().serializeToString(file);
}

function withStyles(element: Element): Element {
  const copy = element.cloneNode(false) as Element;
  copy.removeAttribute('class');
  const style = getComputedStyle(element);
  const names = element instanceof SVGTextElement ? [...painted, ...lettered] : painted;
  if (element instanceof SVGElement && !(element instanceof SVGGElement))
    for (const name of names) copy.setAttribute(name, style.getPropertyValue(name));
  for (const child of element.childNodes)
    copy.append(child instanceof Element ? withStyles(child) : visible(child.textContent ?? ''));
  return copy;
}

function set(element: Element, attributes: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
}

/** Renders an SVG as a PNG at twice its size. */
export async function pngOf(svg: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error('cannot draw the chart')) : resolve(blob)));
  });
}
