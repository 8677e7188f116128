// Several runs: training loss, validation loss and accuracy, switched on and off together.

const panels = [
  { id: "loss", kind: "interval", key: "loss", title: "Training loss", log: true },
  { id: "val_loss", kind: "epoch", key: "val_loss", title: "Validation loss", log: true },
  { id: "accuracy", kind: "epoch", key: "val_accuracy", title: "Validation accuracy", format: value => percent(value, 1) },
];

const shown = panels.filter(panel => data.runs.some(run => run[panel.kind].epoch.length > 1)).map(panel => {
  const holder = make("div"), band = data.bands[panel.key];
  at("charts").append(make("div", {}, make("h2", {}, panel.title), holder));
  return lineChart(holder, {
    series: data.runs.map(run => ({ name: run.name, x: run[panel.kind].epoch, y: run[panel.kind][panel.key] })), band,
    legend: false, reads: true, height: 340, label: `${panel.title} of all runs that are on; arrow keys read it`,
    axes: { x: { label: "epoch" }, y: { label: panel.title.toLowerCase(), log: panel.log, format: panel.format } } });
});

at("runs").append(...data.runs.map((run, k) => switchChip(run.name, k, pressed => shown.forEach(chart => chart.toggle(k, pressed)))));
