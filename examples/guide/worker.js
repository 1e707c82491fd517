import { connect } from "/switchboard.js";

const board = connect();
onmessage = async ({ data }) => postMessage(await board.request("mixer/volume_up", { channel: data }));
