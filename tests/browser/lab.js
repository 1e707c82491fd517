/**
 * What the tests of the client behind a network use, wherever it runs.
 */

/** Stands on nothing of this file: a page is given its text. */
export async function setUp(url, base, codec) {
  const { connect } = await import(`${base}switchboard.js`);
  const { messagePack } = await import(base + codec);
  globalThis.lab = {
    messagePack,
    connect(options) {
      const board = connect(`${url}/switchboard`, { random: () => 0.05, ...options });
      board.addEventListener("error", (event) => event.preventDefault());
      lab.board = board;
      return board;
    },
    until: (board, type, fits = () => true) =>
      new Promise((resolve) => {
        const listen = ({ detail }) => {
          if (!fits(detail)) return;
          board.removeEventListener(type, listen);
          resolve(detail);
        };
        board.addEventListener(type, listen);
      }),
  };
}
