// Equity curves: the server's drawing is replaced by one that answers to the pointer.

const LANGUAGE = document.documentElement.lang || "en";
const digits = (least, most) => new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: least, maximumFractionDigits: most });
const TWO = digits(2, 2);
const ONE = digits(1, 1);
const WHOLE = digits(0, 0);
const DAY = new Intl.DateTimeFormat(LANGUAGE === "en" ? "en-GB" : LANGUAGE, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const signed = (value, text) => (value < 0 ? "\u2212" : value > 0 ? "+" : "") + text;
// How amounts are written in each unit, and on the axis, where room is short.
const WRITTEN = {
  money: (value) => signed(value, TWO.format(Math.abs(value))),
  percent: (value) => signed(value, `${ONE.format(Math.abs(value) * 100)}%`),
  r: (value) => signed(value, `${TWO.format(Math.abs(value))}R`),
};
const ON_AXIS = { ...WRITTEN, money: (value) => signed(value, (Math.abs(value) >= 100 ? WHOLE : TWO).format(Math.abs(value))) };

// The library reads rgb only; the theme's colours are OKLCH and depend on the scheme, so a canvas translates.
function colour(name, alpha = 1) {
  const probe = document.createElement("span");
  probe.className = name.startsWith("series-") ? name : `chart-${name}`;
  probe.hidden = true;
  document.body.append(probe);
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

const options = () => ({
  layout: { background: { color: colour("card") }, textColor: colour("ink"), attributionLogo: false, panes: { separatorColor: colour("line"), enableResize: false }, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily },
  grid: { vertLines: { visible: false }, horzLines: { color: colour("line") } },
  rightPriceScale: { borderVisible: false },
  timeScale: { borderVisible: false },
});

const curveColours = () => ({ lineColor: colour("brand"), topColor: colour("brand", 0.18), bottomColor: colour("brand", 0) });
const fallColours = () => ({ bottomLineColor: colour("loss", 0.7), bottomFillColor1: colour("loss", 0.08), bottomFillColor2: colour("loss", 0.28), topLineColor: colour("loss", 0), topFillColor1: colour("loss", 0), topFillColor2: colour("loss", 0) });

function draw(place) {
  const source = document.getElementById(place.dataset.curve);
  if (!source || place.classList.contains("is-live") || !window.LightweightCharts) return;
  const { rows, lines } = JSON.parse(source.textContent);
  // One day alone is no line.
  if (rows.length < 2) rows.unshift([new Date(Date.parse(rows[0][0]) - 864e5).toISOString().slice(0, 10), 0, 0, 0]);
  const written = WRITTEN[place.dataset.unit] ?? WRITTEN.money;
  const { createChart, AreaSeries, BaselineSeries, LineSeries } = window.LightweightCharts;
  const chart = createChart(place, {
    ...options(),
    autoSize: true,
    handleScroll: { mouseWheel: false, pressedMouseMove: true, vertTouchDrag: false },
    handleScale: { mouseWheel: false, axisPressedMouseMove: false },
    localization: { priceFormatter: ON_AXIS[place.dataset.unit] ?? ON_AXIS.money, locale: LANGUAGE },
  });
  // Fractions need small steps, or every point would lie on the same one.
  const format = { type: "price", precision: 6, minMove: 0.000001 };
  const curve = chart.addSeries(AreaSeries, { ...curveColours(), lineWidth: 2, priceLineVisible: false, priceFormat: format });
  curve.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.06 } });
  curve.setData(rows.map((row) => ({ time: row[0], value: Number(row[2]) })));
  const drawn = lines.map((line) => {
    const series = chart.addSeries(LineSeries, { color: colour(`series-${line.number}`), lineWidth: 1, priceLineVisible: false, lastValueVisible: false, priceFormat: format });
    series.setData(line.rows.map((row) => ({ time: row[0], value: Number(row[2]) })));
    return series;
  });
  const fall = chart.addSeries(BaselineSeries, { ...fallColours(), baseValue: { type: "price", price: 0 }, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false, priceFormat: format }, 1);
  fall.priceScale().applyOptions({ scaleMargins: { top: 0.05, bottom: 0.05 } });
  fall.setData(rows.map((row) => ({ time: row[0], value: -Number(row[3]) })));
  const [above, below] = chart.panes();
  above.setStretchFactor(4);
  below.setStretchFactor(1);
  chart.timeScale().fitContent();
  place.classList.add("is-live");

  const legend = place.querySelector(".chart-legend");
  const words = place.dataset;
  const byDay = new Map(rows.map((row) => [row[0], row]));
  const say = (row, values) => {
    if (!row) { legend.textContent = ""; return; }
    const parts = [DAY.format(new Date(row[0])), written(Number(row[2])), `${words.wordsDay} ${written(Number(row[1]))}`, `${words.wordsDrawdown} ${written(-Number(row[3]))}`];
    lines.forEach((line, at) => { if (values?.[at] !== undefined) parts.push(`${line.name} ${written(values[at])}`); });
    legend.textContent = parts.join("  ");
  };
  say(rows.at(-1));
  chart.subscribeCrosshairMove((event) => {
    const row = byDay.get(event.time);
    say(row ?? rows.at(-1), row ? drawn.map((series) => event.seriesData.get(series)?.value) : undefined);
  });
  document.addEventListener("themechange", () => {
    chart.applyOptions(options());
    curve.applyOptions(curveColours());
    fall.applyOptions(fallColours());
    drawn.forEach((series, at) => series.applyOptions({ color: colour(`series-${lines[at].number}`) }));
  });
}

const drawAll = () => document.querySelectorAll("[data-curve]").forEach(draw);
drawAll();
document.addEventListener("htmx:afterSettle", drawAll);
