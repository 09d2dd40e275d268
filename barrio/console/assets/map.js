// The district as a map with a list beside it. What it shows comes as data: names are text wherever they appear.
//
// things:    as JSON, [name, href, kind, east, south, number of the site or -1]
// standings: a letter for each thing: a alarm, s silent, u uncertain, f fine; shown by shape as well as by colour
// sites:     [name, east, south, [[east, south] ...]]
// ways:      [east, south, east, south], from where to where something is fed
// wrong:     [letter, name, href, what, since], what is wrong; more: how many rows there are beyond these
// box:       [west, north, width, height] in metres; south is down

const SHAPES = {
  a: "M0,-7.5 L7,5 L-7,5 Z",
  s: "M-5,-5 H5 V5 H-5 Z",
  u: "M0,-6.5 L6.5,0 L0,6.5 L-6.5,0 Z",
  f: "M-4.5,0 A4.5,4.5 0 1,1 4.5,0 A4.5,4.5 0 1,1 -4.5,0 Z",
};
const ORDER = "asuf";
const NEAREST = 60;
// More marks than these in view are put together, those within CELL pixels into one that says how many it stands for.
const MOST_MARKS = 400, CELL = 34;
// Of the list so many rows are opened by themselves, and so many shown of one place.
const MOST_OPENED = 200, MOST_ROWS = 100;

export default {
  props: {
    things: String,
    standings: String,
    sites: Array,
    ways: Array,
    box: Array,
    texts: Object,
    wrong: Array,
    more: Number,
  },
  data() {
    return { width: 800, height: 500, zoom: 1, east: 0, south: 0, word: "", only: "", open: {} };
  },
  watch: {
    word() { this.open = {}; },
    only() { this.open = {}; },
  },
  computed: {
    // Read once: what comes as a property would be watched thing by thing.
    all() {
      return JSON.parse(this.things);
    },
    // What the filter looks at.
    texted() {
      return this.all.map((one) => {
        const site = this.sites[one[5]];
        return [one[0], one[1], one[2], site ? site[0] : ""].join(" ").toLowerCase();
      });
    },
    // The numbers of those that the filter leaves, the gravest first.
    found() {
      const word = this.word.toLowerCase(), by = { a: [], s: [], u: [], f: [] };
      this.all.forEach((one, at) => {
        const standing = this.standings[at] || "f";
        if ((!this.only || standing === this.only) && (!word || this.texted[at].includes(word))) by[standing].push(at);
      });
      return [].concat(...ORDER.split("").map((letter) => by[letter]));
    },
    // Pixels a metre at zoom 1: the whole box fits, both axes alike.
    fit() {
      return Math.min(this.width / this.box[2], this.height / this.box[3]);
    },
    scale() {
      return this.fit * this.zoom;
    },
    // Those in view, the gravest last: they are drawn above the others.
    seen() {
      const found = [];
      for (const at of this.found) {
        const one = this.all[at], x = this.x(one[3]), y = this.y(one[4]);
        if (x < -20 || y < -20 || x > this.width + 20 || y > this.height + 20) continue;
        found.push({ at, name: one[0], href: one[1], kind: one[2], x, y, standing: this.standings[at] || "f" });
      }
      return found.reverse();
    },
    marks() {
      return this.seen.length > MOST_MARKS ? this.cells.filter((one) => one.count === 1) : this.seen;
    },
    heaps() {
      return this.seen.length > MOST_MARKS ? this.cells.filter((one) => one.count > 1) : [];
    },
    // One mark for all in a square of the ground, in the shape of the gravest: it stays together while the map moves.
    cells() {
      const found = new Map(), size = CELL / this.scale;
      for (const one of this.seen) {
        const [, , , east, south] = this.all[one.at];
        const key = `${Math.floor(east / size)} ${Math.floor(south / size)}`;
        const before = found.get(key) || { count: 0, sumX: 0, sumY: 0 };
        found.set(key, { ...one, key, count: before.count + 1, sumX: before.sumX + one.x, sumY: before.sumY + one.y });
      }
      return [...found.values()].map((one) => ({ ...one, x: one.sumX / one.count, y: one.sumY / one.count }));
    },
    areas() {
      return this.sites.map((one) => ({
        name: one[0],
        x: this.x(one[1]),
        y: this.y(one[2]),
        shape: "M" + one[3].map(([east, south]) => `${this.x(east)},${this.y(south)}`).join(" L") + " Z",
      }));
    },
    // Names that would lie over each other are left out; they come back nearer by.
    labels() {
      const taken = [];
      const free = (one) => {
        const half = one.name.length * 3.4 + 6;
        const spot = [one.x - half, one.y - 26, one.x + half, one.y - 8];
        if (spot[0] < 2 || spot[2] > this.width - 2) return false;
        const hit = taken.some((other) =>
          spot[0] < other[2] && other[0] < spot[2] && spot[1] < other[3] && other[1] < spot[3]);
        if (!hit) taken.push(spot);
        return !hit;
      };
      return this.areas.filter(free);
    },
    groups() {
      const found = this.sites.map((one, at) => ({ at, name: one[0], rows: [] }));
      const rest = { at: -1, name: this.texts.noPlace, rows: [] };
      for (const at of this.found) (found[this.all[at][5]] || rest).rows.push(at);
      const filled = [...found, rest].filter((one) => one.rows.length);
      for (const group of filled) group.worst = this.standings[group.rows[0]] || "f";
      filled.sort((one, other) => ORDER.indexOf(one.worst) - ORDER.indexOf(other.worst));
      let opened = 0;
      for (const group of filled) {
        const chosen = !!(this.word || this.only) && (opened += group.rows.length) <= MOST_OPENED;
        group.open = this.open[group.at] === undefined ? chosen : this.open[group.at];
        group.shown = group.open ? group.rows.slice(0, MOST_ROWS).map((at) => this.row(at)) : [];
        group.rest = group.open ? group.rows.length - group.shown.length : 0;
      }
      return filled;
    },
    counts() {
      const found = {};
      for (const letter of ORDER) found[letter] = 0;
      for (const letter of this.standings) found[letter] += 1;
      return found;
    },
    // A round length that is about a sixth of the width.
    bar() {
      const rough = this.width / 6 / this.scale;
      const size = 10 ** Math.floor(Math.log10(rough));
      const metres = [5, 2, 1].map((one) => one * size).find((one) => one <= rough) || size;
      return { pixels: metres * this.scale, words: metres >= 1000 ? `${metres / 1000} km` : `${metres} m` };
    },
  },
  mounted() {
    this.center();
    this.watcher = new ResizeObserver(() => this.measure());
    this.watcher.observe(this.$refs.frame);
    this.measure();
    this.fingers = new Map();
    this.moved = 0;
  },
  beforeUnmount() {
    this.watcher.disconnect();
  },
  methods: {
    measure() {
      this.width = this.$refs.frame.clientWidth || 300;
      this.height = this.$refs.frame.clientHeight || 300;
    },
    center() {
      this.zoom = 1;
      this.east = this.box[0] + this.box[2] / 2;
      this.south = this.box[1] + this.box[3] / 2;
    },
    x(east) {
      return Math.round(((east - this.east) * this.scale + this.width / 2) * 10) / 10;
    },
    y(south) {
      return Math.round(((south - this.south) * this.scale + this.height / 2) * 10) / 10;
    },
    shape(letter) {
      return SHAPES[letter];
    },
    way([east, south, toEast, toSouth]) {
      const [x, y, toX, toY] = [this.x(east), this.y(south), this.x(toEast), this.y(toSouth)];
      return `M${x},${y} Q${(x + toX) / 2 + (toY - y) * 0.12},${(y + toY) / 2 - (toX - x) * 0.12} ${toX},${toY}`;
    },
    row(at) {
      const [name, href, kind] = this.all[at];
      return { at, name, href, kind, standing: this.standings[at] || "f" };
    },
    choose(letter) {
      this.only = this.only === letter ? "" : letter;
    },
    // `px`, `py`: the spot that stays where it is.
    nearer(factor, px = this.width / 2, py = this.height / 2) {
      const zoom = Math.min(NEAREST, Math.max(0.8, this.zoom * factor));
      const scale = this.fit * zoom;
      this.east += (px - this.width / 2) * (1 / this.scale - 1 / scale);
      this.south += (py - this.height / 2) * (1 / this.scale - 1 / scale);
      this.zoom = zoom;
    },
    pan(dx, dy) {
      this.east -= dx / this.scale;
      this.south -= dy / this.scale;
    },
    wheel(event) {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.$refs.picture) return;
      event.preventDefault();
      const frame = this.$refs.frame.getBoundingClientRect();
      this.nearer(Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
    },
    key(event) {
      const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (steps[event.key]) this.pan(...steps[event.key]);
      else if (event.key === "+" || event.key === "=") this.nearer(1.4);
      else if (event.key === "-") this.nearer(1 / 1.4);
      else if (event.key === "0" || event.key === "Home") this.center();
      else return;
      event.preventDefault();
    },
    down(event) {
      this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
      this.moved = 0;
    },
    move(event) {
      const before = this.fingers.get(event.pointerId);
      if (!before) return;
      const now = [event.clientX, event.clientY];
      const other = [...this.fingers].find(([id]) => id !== event.pointerId);
      if (other) {
        const apart = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by) || 1;
        const frame = this.$refs.frame.getBoundingClientRect();
        this.nearer(apart(now, other[1]) / apart(before, other[1]), now[0] - frame.left, now[1] - frame.top);
      } else {
        this.pan(now[0] - before[0], now[1] - before[1]);
      }
      this.moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      if (this.moved > 4 && !this.$refs.picture.hasPointerCapture(event.pointerId)) {
        this.$refs.picture.setPointerCapture(event.pointerId);
      }
      this.fingers.set(event.pointerId, now);
    },
    up(event) {
      this.fingers.delete(event.pointerId);
    },
    // The end of a drag over a mark opens nothing.
    click(event) {
      if (this.moved > 4) event.preventDefault();
      this.moved = 0;
    },
  },
  template: `
    <div class="district">
      <section class="wrong" :aria-label="texts.wrong">
        <h2>{{ texts.wrong }}</h2>
        <p class="unseen-label" role="status">{{ counts.a }} {{ texts.standings.a }}, {{ counts.s }} {{ texts.standings.s }}</p>
        <p v-if="!wrong.length" class="quiet">{{ texts.nothingWrong }}</p>
        <ul v-else>
          <li v-for="one in wrong" :key="one.join()" :class="'is-' + one[0]"><svg viewBox="-9 -9 18 18" width="16" height="16"
            aria-hidden="true"><path :d="shape(one[0])" class="mark"/></svg><a :href="one[2]">{{ one[1] }}</a>
            <span>{{ one[3] }}</span><small>{{ one[4] }}</small></li>
        </ul>
        <p v-if="more" class="quiet"><a href="/console/alarms">{{ texts.moreWrong.replace('{count}', more) }}</a></p>
        <p v-if="wrong.length" class="quiet">{{ texts.clock }}</p>
      </section>
      <section class="mapside">
        <div class="legend" role="group" :aria-label="texts.legend">
          <button v-for="letter in 'asuf'" :key="letter" type="button" class="chip" :class="'is-' + letter"
            :aria-pressed="only === letter ? 'true' : 'false'" :title="texts.meant[letter]" @click="choose(letter)">
            <svg viewBox="-9 -9 18 18" width="16" height="16" aria-hidden="true"><path :d="shape(letter)" class="mark"/></svg>
            {{ texts.standings[letter] }} <b>{{ counts[letter] }}</b>
          </button>
        </div>
        <div class="mapframe" ref="frame">
          <svg ref="picture" class="map" :viewBox="'0 0 ' + width + ' ' + height" role="group" tabindex="0"
            :aria-label="texts.label" @wheel="wheel" @keydown="key" @pointerdown="down" @pointermove="move"
            @pointerup="up" @pointercancel="up" @click.capture="click" @dragstart.prevent>
            <g class="areas" aria-hidden="true"><path v-for="(one, at) in areas" :key="at" :d="one.shape"/></g>
            <g class="ways" aria-hidden="true"><path v-for="(one, at) in ways" :key="at" :d="way(one)"/></g>
            <g class="marks">
              <a v-for="one in heaps" :key="one.key" :href="one.href" tabindex="-1" class="heap" :class="'is-' + one.standing"
                :transform="'translate(' + one.x + ' ' + one.y + ')'" @click.prevent="nearer(2.5, one.x, one.y)">
                <title>{{ texts.heap.replace('{count}', one.count) }} · {{ texts.standings[one.standing] }}</title>
                <circle r="13" class="reach"/><path :d="shape(one.standing)" class="mark"/>
                <text y="17" text-anchor="middle">{{ one.count }}</text>
              </a>
              <a v-for="one in marks" :key="one.at" :href="one.href" tabindex="-1" :class="'is-' + one.standing"
                :transform="'translate(' + one.x + ' ' + one.y + ')'">
                <title>{{ one.name }} · {{ one.kind }} · {{ texts.standings[one.standing] }}</title>
                <circle r="11" class="reach"/><path :d="shape(one.standing)" class="mark"/>
              </a>
            </g>
            <g class="names" aria-hidden="true">
              <text v-for="one in labels" :key="one.name" :x="one.x" :y="one.y - 13" text-anchor="middle">{{ one.name }}</text>
            </g>
            <g class="scale" aria-hidden="true" :transform="'translate(16 ' + (height - 18) + ')'">
              <path :d="'M0,-5 V0 H' + bar.pixels + ' V-5'"/><text :x="bar.pixels + 8" y="1">{{ bar.words }}</text>
            </g>
          </svg>
          <div class="zoom">
            <button type="button" :aria-label="texts.nearer" :title="texts.nearer" @click="nearer(1.5)">+</button>
            <button type="button" :aria-label="texts.farther" :title="texts.farther" @click="nearer(1 / 1.5)">−</button>
            <button type="button" :aria-label="texts.whole" :title="texts.whole" @click="center()">⤢</button>
          </div>
        </div>
      </section>
      <section class="listside" :aria-label="texts.list">
        <label class="field"><span>{{ texts.filter }}</span>
          <input type="search" v-model="word" :placeholder="texts.hint" autocomplete="off" spellcheck="false"></label>
        <p class="quiet" role="status">{{ found.length }} / {{ all.length }}</p>
        <details v-for="group in groups" :key="group.at" :open="group.open">
          <summary @click.prevent="open[group.at] = !group.open"><svg viewBox="-9 -9 18 18" width="16" height="16" aria-hidden="true"
            :class="'is-' + group.worst"><path :d="shape(group.worst)" class="mark"/></svg><span>{{ group.name }}</span><b>{{ group.rows.length }}</b></summary>
          <ul v-if="group.open">
            <li v-for="one in group.shown" :key="one.at"><a :href="one.href"><svg viewBox="-9 -9 18 18" width="14" height="14"
              aria-hidden="true" :class="'is-' + one.standing"><path :d="shape(one.standing)" class="mark"/></svg><span>{{ one.name }}</span>
              <small>{{ one.kind }}, {{ texts.standings[one.standing] }}</small></a></li>
            <li v-if="group.rest"><a :href="'/console/devices?filter=' + encodeURIComponent(group.name)"><span></span><span>{{
              texts.moreWrong.replace('{count}', group.rest) }}</span></a></li>
          </ul>
        </details>
        <p v-if="!groups.length" class="quiet">{{ texts.none }}</p>
      </section>
    </div>`,
};
