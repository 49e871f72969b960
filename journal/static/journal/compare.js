// Curves of several accounts over one another: the server's drawing is replaced by one that answers to the pointer.

const LANGUAGE = document.documentElement.lang || "en";
const MONEY = new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const WHOLE = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const PERCENT = new Intl.NumberFormat(LANGUAGE, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const sign = (value) => (value < 0 ? "\u2212" : value > 0 ? "+" : "");
const SECONDS = 86_400;

// The library reads rgb only; the theme's colours are OKLCH and depend on the scheme, so a canvas translates.
function colour(name) {
  const probe = document.createElement("span");
  probe.className = name;
  probe.hidden = true;
  document.body.append(probe);
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

function draw(place) {
  const source = document.getElementById(place.dataset.compare);
  if (!source || !window.LightweightCharts || place.classList.contains("is-live")) return;
  const byDays = place.dataset.align === "days";
  const inPercent = place.dataset.percent === "1";
  const say = (value) => sign(value) + (inPercent ? PERCENT : Math.abs(value) >= 100 ? WHOLE : MONEY).format(Math.abs(value));
  const dayWords = (time) => place.dataset.dayWords.replace("%n%", String(Math.round(time / SECONDS)));
  const { createChart, LineSeries, LineStyle } = window.LightweightCharts;
  const options = () => ({
    layout: { background: { color: colour("chart-card") }, textColor: colour("chart-ink"), attributionLogo: false, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { vertLines: { visible: false }, horzLines: { color: colour("chart-line") } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderVisible: false, ...(byDays ? { tickMarkFormatter: (time) => String(Math.round(time / SECONDS)) } : {}) },
    localization: { priceFormatter: say, ...(byDays ? { timeFormatter: dayWords } : {}) },
  });
  const chart = createChart(place, {
    ...options(),
    autoSize: true,
    handleScroll: { mouseWheel: false, pressedMouseMove: true, vertTouchDrag: false },
    handleScale: { mouseWheel: false, axisPressedMouseMove: false },
  });
  const lines = JSON.parse(source.textContent).map((each) => {
    const series = chart.addSeries(LineSeries, {
      color: colour(`series-${each.series}`),
      lineWidth: 2,
      lineStyle: each.series > 6 ? LineStyle.Dashed : LineStyle.Solid,
      priceLineVisible: false,
      lastValueVisible: false,
    });
    series.setData(each.points.map(([x, value]) => ({ time: byDays ? Number(x) * SECONDS : x, value: Number(value) })));
    return { ...each, line: series };
  });
  chart.timeScale().fitContent();
  place.classList.add("is-live");

  const legend = place.querySelector(".chart-legend");
  chart.subscribeCrosshairMove((event) => {
    const values = lines.map((each) => [each.name, event.seriesData.get(each.line)?.value]).filter(([, value]) => value !== undefined);
    const when = event.time === undefined ? "" : byDays ? dayWords(event.time) : event.time;
    legend.textContent = values.length ? `${when}  ${values.map(([name, value]) => `${name} ${say(value)}`).join("  ")}` : "";
  });
  document.addEventListener("themechange", () => {
    chart.applyOptions(options());
    for (const each of lines) each.line.applyOptions({ color: colour(`series-${each.series}`) });
  });
}

const drawAll = () => document.querySelectorAll("[data-compare]").forEach(draw);
drawAll();
document.addEventListener("htmx:afterSettle", drawAll);
