import * as common from "@grafana/grafana-foundation-sdk/common";
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { selectorOf } from "./rules";

/** A query, and how its series are called. */
type Query = readonly [expr: string, legend: string];

/** Whichever Prometheus the reader's Grafana has, if it is not ours. */
const DATASOURCE: common.DataSourceRef = { type: "prometheus", uid: "$datasource" };
const ROW_OF_TIMESERIES = { width: 12, height: 8 };
const ROW_OF_STATS = { width: 4, height: 4 };

const targets = (queries: readonly Query[]) =>
  queries.map(([expr, legend], index) =>
    new DataqueryBuilder()
      .refId(String.fromCharCode("A".charCodeAt(0) + index))
      .expr(expr)
      .legendFormat(legend),
  );

/** One number, as it is now. */
const stat = (title: string, unit: string, expr: string) =>
  new StatBuilder()
    .title(title)
    .unit(unit)
    .datasource(DATASOURCE)
    .height(ROW_OF_STATS.height)
    .span(ROW_OF_STATS.width)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .colorMode(common.BigValueColorMode.None)
    .targets(targets([[expr, title]]));

const timeseries = (title: string, unit: string, ...queries: Query[]) =>
  new TimeseriesBuilder()
    .title(title)
    .unit(unit)
    .min(0)
    .datasource(DATASOURCE)
    .height(ROW_OF_TIMESERIES.height)
    .span(ROW_OF_TIMESERIES.width)
    .fillOpacity(10)
    .targets(targets(queries));

/** The Grafana dashboard of the stack in a namespace: first what clients see, then the workers themselves. */
export function dashboard(namespace: string): Dashboard {
  const workers = selectorOf(namespace);
  const stack = `namespace="${namespace}"`;
  const rate = (metric: string, by: string) => `sum by (${by}) (rate(${metric}{${workers}}[1m]))`;
  return new DashboardBuilder(`coinflip in ${namespace}`)
    .uid(`coinflip-${namespace}`.slice(0, 40))
    .tags(["coinflip"])
    .readonly()
    .refresh("10s")
    .time({ from: "now-30m", to: "now" })
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"))
    .withPanel(stat("Workers", "short", `sum(up{${workers}})`))
    .withPanel(stat("Requests", "reqps", `sum(rate(coinflip_requests_total{${workers}}[1m]))`))
    .withPanel(stat("Errors", "percentunit", `coinflip:request_errors:ratio_rate5m{${stack}}`))
    .withPanel(stat("Flips", "short", `sum(rate(coinflip_flips_total{${workers}}[1m]))`))
    .withPanel(stat("Places taken", "percentunit", `coinflip:computations_running:ratio{${stack}}`))
    .withPanel(
      stat("Alerts", "short", `sum(ALERTS{alertstate="firing",alertname=~"Coinflip.*",${stack}}) or vector(0)`),
    )
    .withPanel(timeseries("Requests by status", "reqps", [rate("coinflip_requests_total", "status"), "{{status}}"]))
    .withPanel(timeseries("Requests by heads", "reqps", [rate("coinflip_requests_total", "heads"), "{{heads}}"]))
    .withPanel(
      timeseries("99 of 100 requests take at most, by heads", "s", [
        `coinflip:request_duration_seconds:p99_rate5m{${stack}}`,
        "{{heads}}",
      ]),
    )
    .withPanel(
      timeseries(
        "Refused and cancelled",
        "reqps",
        [`sum(rate(coinflip_computations_refused_total{${workers}}[1m]))`, "refused"],
        [`sum(rate(coinflip_computations_cancelled_total{${workers}}[1m]))`, "cancelled"],
      ),
    )
    .withPanel(
      timeseries(
        "Computations",
        "short",
        [`sum(coinflip_computations_running{${workers}})`, "take turns"],
        [`sum(coinflip_computations_waiting{${workers}})`, "wait"],
        [`sum(coinflip_computations_limit{${workers}})`, "places"],
      ),
    )
    .withPanel(timeseries("Requests in flight", "short", [`coinflip_requests_in_flight{${workers}}`, "{{instance}}"]))
    .withPanel(timeseries("Flips by worker", "short", [rate("coinflip_flips_total", "instance"), "{{instance}}"]))
    .withPanel(timeseries("CPU by worker", "cores", [rate("process_cpu_seconds_total", "instance"), "{{instance}}"]))
    .withPanel(timeseries("Memory by worker", "bytes", [`process_resident_memory_bytes{${workers}}`, "{{instance}}"]))
    .withPanel(
      timeseries("Event loop lag, 99 of 100, by worker", "s", [
        `nodejs_eventloop_lag_p99_seconds{${workers}}`,
        "{{instance}}",
      ]),
    )
    .withPanel(timeseries("V8's heap by worker", "bytes", [`nodejs_heap_size_used_bytes{${workers}}`, "{{instance}}"]))
    .withPanel(
      timeseries("Restarts within 15 minutes", "short", [
        `changes(process_start_time_seconds{${workers}}[15m])`,
        "{{instance}}",
      ]),
    )
    .build();
}
