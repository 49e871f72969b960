// Equity curves: the server's drawing is replaced by one that answers to the pointer.

const NUMBER = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const signed = (value, text) => (value < 0 ? "\u2212" : value > 0 ? "+" : "") + text;
const money = (value) => signed(value, NUMBER.format(Math.abs(value)));
const axis = (value) => signed(value, (Math.abs(value) >= 100 ? WHOLE : NUMBER).format(Math.abs(value)));

// The library reads rgb only; the theme's colours are OKLCH and depend on the scheme, so a canvas translates.
function colour(name, alpha = 1) {
  const probe = document.createElement("span");
  probe.className = `chart-${name}`;
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
  if (!source || place.classList.contains("is-live")) return;
  const rows = JSON.parse(source.textContent);
  const { createChart, AreaSeries, BaselineSeries } = window.LightweightCharts;
  const chart = createChart(place, {
    ...options(),
    autoSize: true,
    handleScroll: { mouseWheel: false, pressedMouseMove: true, vertTouchDrag: false },
    handleScale: { mouseWheel: false, axisPressedMouseMove: false },
    localization: { priceFormatter: axis },
  });
  const curve = chart.addSeries(AreaSeries, { ...curveColours(), lineWidth: 2, priceLineVisible: false });
  curve.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.06 } });
  curve.setData(rows.map((row) => ({ time: row[0], value: Number(row[2]) })));
  const fall = chart.addSeries(BaselineSeries, { ...fallColours(), baseValue: { type: "price", price: 0 }, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false }, 1);
  fall.priceScale().applyOptions({ scaleMargins: { top: 0.05, bottom: 0.05 } });
  fall.setData(rows.map((row) => ({ time: row[0], value: -Number(row[3]) })));
  const [above, below] = chart.panes();
  above.setStretchFactor(4);
  below.setStretchFactor(1);
  chart.timeScale().fitContent();
  place.classList.add("is-live");

  const legend = place.querySelector(".chart-legend");
  const byDay = new Map(rows.map((row) => [row[0], row]));
  const say = (row) => {
    legend.textContent = row ? `${row[0]}  ${money(Number(row[2]))}  day ${money(Number(row[1]))}  drawdown ${money(-Number(row[3]))}` : "";
  };
  say(rows.at(-1));
  chart.subscribeCrosshairMove((event) => say(byDay.get(event.time) ?? rows.at(-1)));
  document.addEventListener("themechange", () => {
    chart.applyOptions(options());
    curve.applyOptions(curveColours());
    fall.applyOptions(fallColours());
  });
}

const drawAll = () => document.querySelectorAll("[data-curve]").forEach(draw);
drawAll();
document.addEventListener("htmx:afterSettle", drawAll);
