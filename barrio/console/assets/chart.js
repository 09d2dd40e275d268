// One point over time. `drawing` is what barrio/console/chart.py returns; times are in seconds since 1970.
//
// rows: [time, value, smallest, largest]; stretches: [from, until, words, colour]; shades: [from, until, kind, words]
// with the kinds gap (known reason), doubt (value is not good), none (nothing came, no reason is known).

const LEFT = 52, RIGHT = 12, TOP = 26, BOTTOM = 26;

export default {
  props: { drawing: Object, texts: Object, unit: String },
  emits: ["look"],
  data() {
    return { width: 800, height: 320, at: null, from: null };
  },
  computed: {
    lang() { return this.drawing.lang; },
    levels() { return this.drawing.levels || []; },
    rows() { return this.drawing.rows || []; },
    shades() {
      return this.drawing.shades.map(([start, stop, kind, said]) => {
        const left = this.x(start), right = Math.max(left + 2, this.x(stop));
        return { left, width: Math.round((right - left) * 10) / 10, kind, said };
      });
    },
    lines() {
      return this.runs.map((run) => "M" + run.map(([time, value]) => `${this.x(time)},${this.y(value)}`).join(" L"));
    },
    // Readings with nothing beside them: no line shows them.
    lone() {
      return this.runs.filter((run) => run.length === 1).map(([[time, value]]) => ({ x: this.x(time), y: this.y(value) }));
    },
    // Readings that follow each other without a silence in between.
    runs() {
      const found = [];
      let before = null;
      for (const row of this.rows) {
        if (before === null || this.broken(before, row[0])) found.push([]);
        found[found.length - 1].push(row);
        before = row[0];
      }
      return found;
    },
    band() {
      const found = [];
      let upper = [], lower = [], before = null;
      const close = () => {
        if (upper.length > 1) found.push(`M${upper.join(" L")} L${lower.reverse().join(" L")} Z`);
        upper = []; lower = [];
      };
      for (const [time, , low, high] of this.rows) {
        if (low === null || high === null || (before !== null && this.broken(before, time))) close();
        before = time;
        if (low === null || high === null) continue;
        upper.push(`${this.x(time)},${this.y(high)}`);
        lower.push(`${this.x(time)},${this.y(low)}`);
      }
      close();
      return found;
    },
    bars() {
      if (this.drawing.drawn !== "bars") return [];
      const zero = this.y(0);
      return this.rows.map(([time, value], at) => {
        const left = this.x(time), top = this.y(value);
        const right = Math.min(this.x(time + this.drawing.window), this.x(this.drawing.stop));
        return { left, width: Math.max(1, right - left - 1), top: Math.min(top, zero), height: Math.abs(zero - top) };
      });
    },
    stretches() {
      return (this.drawing.stretches || []).map(([start, stop, said, colour]) => {
        const left = this.x(start), width = Math.max(1.5, this.x(stop) - left);
        return { left, width, said, colour, fits: width > said.length * 7 + 8 };
      });
    },
    // What the cursor is at: [time, words].
    moments() {
      if (this.drawing.drawn === "states") return this.drawing.stretches.map(([start, , said]) => [start, said]);
      return this.rows.map(([time, value, low, high]) => {
        let said = this.number(value);
        if (low !== null && high !== null) said += ` (${this.number(low)} – ${this.number(high)})`;
        return [time, said];
      });
    },
    spot() {
      if (this.at === null || !this.moments[this.at]) return null;
      const [time, said] = this.moments[this.at];
      const hit = this.drawing.shades.filter(([start, stop]) => start <= time && (time < stop || start === stop));
      const why = [...new Set(hit.map((one) => one[3]))].join(", ");
      const words = `${this.time(time)}: ${said}${why ? ` · ${why}` : ""}`;
      const row = this.rows[this.at];
      return { x: this.x(time), y: row ? this.y(row[1]) : null, words };
    },
  },
  mounted() {
    this.watcher = new ResizeObserver(() => this.measure());
    this.watcher.observe(this.$refs.frame);
    this.measure();
  },
  beforeUnmount() {
    this.watcher.disconnect();
  },
  methods: {
    measure() {
      this.width = this.$refs.frame.clientWidth || 300;
      this.height = this.$refs.frame.clientHeight || 300;
    },
    // Whether nothing was heard for a while between two times.
    broken(before, time) {
      return this.drawing.shades.some(([start, stop, kind]) => kind !== "doubt" && start < time && stop > before);
    },
    x(time) {
      const share = (time - this.drawing.start) / (this.drawing.stop - this.drawing.start);
      return Math.round((LEFT + share * (this.width - LEFT - RIGHT)) * 10) / 10;
    },
    y(value) {
      const low = this.levels[0], high = this.levels[this.levels.length - 1];
      const share = (value - low) / (high - low || 1);
      return Math.round((this.height - BOTTOM - share * (this.height - TOP - BOTTOM)) * 10) / 10;
    },
    number(value) {
      if (typeof value !== "number") return String(value);
      const shown = value.toLocaleString(this.lang, { maximumSignificantDigits: 6 });
      return this.unit ? `${shown} ${this.unit}` : shown;
    },
    level(value) { return value.toLocaleString(this.lang, { notation: Math.abs(value) >= 1e5 ? "compact" : "standard", maximumSignificantDigits: 6 }); },
    time(at) {
      return new Date(at * 1000).toLocaleString(this.lang, {
        timeZone: this.drawing.zone, day: "numeric", month: "short", year: "numeric",
        hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
      });
    },
    // The marks that fit beside each other.
    fits(at) {
      const room = (this.width - LEFT - RIGHT) / Math.max(1, this.drawing.ticks.length);
      return room > 52 || at % Math.ceil(52 / room) === 0;
    },
    timeAt(event) {
      const frame = this.$refs.frame.getBoundingClientRect();
      const share = (event.clientX - frame.left - LEFT) / (this.width - LEFT - RIGHT);
      const within = Math.min(1, Math.max(0, share));
      return this.drawing.start + within * (this.drawing.stop - this.drawing.start);
    },
    over(event) {
      const time = this.timeAt(event);
      let best = null;
      this.moments.forEach(([at], number) => {
        const nearer = this.drawing.drawn === "line"
          ? best === null || Math.abs(at - time) < Math.abs(this.moments[best][0] - time)
          : at <= time;
        if (nearer) best = number;
      });
      this.at = best;
      if (this.from !== null) this.until = time;
    },
    down(event) {
      if (event.pointerType === "touch") { this.over(event); return; }
      this.from = this.timeAt(event);
    },
    up(event) {
      const from = this.from, until = this.timeAt(event);
      this.from = null;
      if (from !== null && Math.abs(this.x(until) - this.x(from)) > 12) {
        this.$emit("look", [Math.min(from, until), Math.max(from, until)]);
      }
    },
    key(event) {
      const last = this.moments.length - 1;
      const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 20, PageDown: -20 };
      if (event.key === "Home") this.at = 0;
      else if (event.key === "End") this.at = last;
      else if (event.key === "Escape") this.at = null;
      else if (steps[event.key]) this.at = Math.min(last, Math.max(0, (this.at === null ? last : this.at) + steps[event.key]));
      else return;
      event.preventDefault();
    },
  },
  template: `
    <div class="chart">
      <div class="chartframe" ref="frame">
        <svg :viewBox="'0 0 ' + width + ' ' + height" role="slider" tabindex="0" :aria-label="texts.cursor"
          aria-valuemin="0" :aria-valuemax="Math.max(0, moments.length - 1)" :aria-valuenow="at === null ? 0 : at"
          :aria-valuetext="spot ? spot.words : texts.help" @keydown="key" @pointermove="over" @pointerleave="at = null"
          @pointerdown="down" @pointerup="up">
          <defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0,0 V7" class="hatch"/></pattern></defs>
          <g class="grid" aria-hidden="true">
            <g v-for="value in levels" :key="'v' + value"><path :d="'M52,' + y(value) + ' H' + (width - 12)"/>
              <text x="46" :y="y(value) + 4" text-anchor="end">{{ level(value) }}</text></g>
            <g v-for="([time, said], at) in drawing.ticks" :key="'t' + time"><path :d="'M' + x(time) + ',26 V' + (height - 26)"/>
              <text v-if="fits(at)" :x="x(time)" :y="height - 8" text-anchor="middle">{{ said }}</text></g>
          </g>
          <text v-if="unit" x="8" y="14" class="axis">{{ unit }}</text>
          <g v-for="(one, at) in shades" :key="'s' + at" class="shade" :class="'shade-' + one.kind">
            <rect :x="one.left" y="26" :width="one.width" :height="height - 52"/>
            <rect v-if="one.kind !== 'doubt'" :x="one.left" y="26" :width="one.width" :height="height - 52" fill="url(#hatch)"/>
            <title>{{ one.said }}</title></g>
          <g v-for="(one, at) in stretches" :key="'st' + at" class="stretch">
            <rect :x="one.left" y="60" :width="one.width" :height="height - 140" :fill="one.colour"/>
            <text v-if="one.fits" :x="one.left + one.width / 2" y="50" text-anchor="middle">{{ one.said }}</text>
            <title>{{ one.said }}</title></g>
          <path v-for="(one, at) in band" :key="'b' + at" :d="one" class="band"/>
          <rect v-for="(one, at) in bars" :key="'r' + at" class="bar" :x="one.left" :y="one.top" :width="one.width" :height="one.height"/>
          <template v-if="drawing.drawn === 'line'"><path v-for="(one, at) in lines" :key="'l' + at" :d="one" class="line"/>
            <circle v-for="(one, at) in lone" :key="'o' + at" :cx="one.x" :cy="one.y" r="2.5" class="bar"/></template>
          <g v-if="spot" class="cursor" aria-hidden="true"><path :d="'M' + spot.x + ',26 V' + (height - 26)"/>
            <circle v-if="spot.y !== null" :cx="spot.x" :cy="spot.y" r="4"/></g>
          <text v-if="!moments.length" class="empty" :x="width / 2" :y="height / 2" text-anchor="middle">{{ texts.empty }}</text>
        </svg>
      </div>
      <p class="reading" role="status">{{ spot ? spot.words : texts.help }}</p>
    </div>`,
};
