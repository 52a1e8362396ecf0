// drivers.mjs - Firefox and WebKitGTK as they are installed, driven by what they bring with
// them: Marionette and WebDriver. Each function starts a browser and resolves to
// {name, go(url), run(script), close()}; run resolves to what the script returns.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const PATIENCE = 20_000; // ms for a browser to do what it is told

// Who is ended takes the browsers along.
process.on('SIGTERM', () => process.exit(1));
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** A program and what it starts, in a group of their own that ends as a whole. */
function child(program, args, options = {}) {
  const process_ = spawn(program, args, { stdio: 'ignore', detached: true, ...options });
  const kill = () => {
    try {
      process.kill(-process_.pid, 'SIGKILL');
    } catch { /* it has ended */ }
  };
  process.on('exit', kill);
  let error = null;
  const gone = new Promise((resolve) => {
    process_.on('exit', resolve);
    process_.on('error', (e) => { error = e; resolve(); });
  });
  return {
    process: process_,
    check() {
      if (error) throw error;
      if (process_.exitCode !== null) throw new Error(`${program} ended with ${process_.exitCode}`);
    },
    async end() {
      kill();
      process.off('exit', kill);
      await gone;
    },
  };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Repeats what fails until it does not, for as long as a browser may take to start. */
async function patiently(browser, attempt) {
  for (const end = Date.now() + 60_000; ;) {
    browser.check();
    try {
      return await attempt();
    } catch (e) {
      if (Date.now() > end) throw e;
      await sleep(100);
    }
  }
}

/** Marionette: "LENGTH:[0,ID,COMMAND,{...}]" there, "LENGTH:[1,ID,ERROR,RESULT]" back. */
class Marionette {
  #socket;
  #waiting = new Map();
  #buffer = Buffer.alloc(0);
  #id = 0;

  static connect(port) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(new Marionette(socket)));
      socket.on('error', reject);
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('close', () => { for (const { reject } of this.#waiting.values()) reject(new Error('Firefox ended')); });
  }

  #take(bytes) {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const colon = this.#buffer.indexOf(':');
      const end = colon + 1 + Number(this.#buffer.toString('latin1', 0, colon));
      if (colon < 0 || this.#buffer.length < end) return;
      const message = JSON.parse(this.#buffer.toString('utf8', colon + 1, end));
      this.#buffer = this.#buffer.subarray(end);
      if (!Array.isArray(message)) continue; // its greeting
      const [, id, error, result] = message;
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new Error(`${error.error}: ${error.message}`));
      else resolve(result);
    }
  }

  call(command, parameters = {}) {
    const id = ++this.#id;
    const message = Buffer.from(JSON.stringify([0, id, command, parameters]));
    this.#socket.write(`${message.length}:`);
    this.#socket.write(message);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      setTimeout(() => reject(new Error(`${command} takes more than ${PATIENCE / 1000} s`)), PATIENCE).unref();
    });
  }

  close() { this.#socket.destroy(); }
}

export async function firefox() {
  const [port, profile] = [await freePort(), fs.mkdtempSync(path.join(os.tmpdir(), 'firefox-'))];
  const settings = {
    'marionette.port': port,
    'media.navigator.streams.fake': true, // a test picture and a tone in place of a camera
    'media.navigator.permission.disabled': true,
    'media.devices.insecure.enabled': true, // on a page by HTTP of another machine, too
    'media.getusermedia.insecure.enabled': true,
    'media.autoplay.default': 0,
    'datareporting.policy.dataSubmissionEnabled': false,
    'app.update.enabled': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
  };
  fs.writeFileSync(path.join(profile, 'user.js'), Object.entries(settings).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''));
  const browser = child(process.env.FIREFOX || '/usr/bin/firefox-esr', ['--headless', '--no-remote', '--marionette', '--profile', profile], { env: { ...process.env, HOME: profile } });
  const close = async () => {
    await browser.end();
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const marionette = await patiently(browser, () => Marionette.connect(port));
    await marionette.call('WebDriver:NewSession', { capabilities: { alwaysMatch: { pageLoadStrategy: 'none' } } });
    return {
      name: 'firefox',
      go: (url) => marionette.call('WebDriver:Navigate', { url }),
      run: async (script) => (await marionette.call('WebDriver:ExecuteScript', { script, args: [] })).value,
      /** Later commands are for a new tab; the others go on. */
      async tab() {
        const { handle } = await marionette.call('WebDriver:NewWindow', { type: 'tab' });
        await marionette.call('WebDriver:SwitchToWindow', { handle });
      },
      async close() {
        marionette.close();
        await close();
      },
    };
  } catch (e) {
    await close();
    throw e;
  }
}

/** A screen that nobody sees; resolves to its name. */
function screen(server) {
  return new Promise((resolve, reject) => {
    server.process.on('error', reject);
    server.process.on('exit', () => reject(new Error('Xvfb ended')));
    server.process.stdio[3].once('data', (number) => resolve(`:${number.toString().trim()}`));
  });
}

function miniBrowser() {
  for (const directory of fs.readdirSync('/usr/lib')) {
    for (const version of ['4.1', '4.0']) {
      const file = `/usr/lib/${directory}/webkit2gtk-${version}/MiniBrowser`;
      if (fs.existsSync(file)) return file;
    }
  }
  throw new Error('there is no MiniBrowser of WebKitGTK (webkit2gtk-driver)');
}

export async function webkit() {
  const x = child('Xvfb', ['-displayfd', '3', '-nolisten', 'tcp', '-screen', '0', '1280x1024x24'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'webkit-'));
  let driver = null;
  const close = async () => {
    await driver?.end();
    await x.end();
    fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const [display, port] = [await screen(x), await freePort()];
    driver = child('WebKitWebDriver', [`--port=${port}`], {
      env: {
        ...process.env, DISPLAY: display, HOME: home, XDG_RUNTIME_DIR: home, DBUS_SESSION_BUS_ADDRESS: 'disabled:', NO_AT_BRIDGE: '1', GSETTINGS_BACKEND: 'memory',
        WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1', LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_DMABUF_RENDERER: '1',
      },
    });
    const call = async (method, at, body) => {
      const response = await fetch(`http://127.0.0.1:${port}${at}`, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE) });
      const { value } = await response.json();
      if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
      return value;
    };
    await patiently(driver, () => call('GET', '/status'));
    const { sessionId } = await call('POST', '/session', {
      capabilities: { alwaysMatch: { pageLoadStrategy: 'none', 'webkitgtk:browserOptions': { binary: miniBrowser(), args: ['--automation'] } } },
    });
    return {
      name: 'webkit',
      go: (url) => call('POST', `/session/${sessionId}/url`, { url }),
      run: (script) => call('POST', `/session/${sessionId}/execute/sync`, { script, args: [] }),
      close,
    };
  } catch (e) {
    await close();
    throw e;
  }
}
