// The component of a page of steps, fetched when it is first shown: each element on a page brings these lines alone.
//
// The Python side writes `SCRIPT_PATH`, the address of the component's script, before this text.

import { appAddress } from "./address.js";

/* global SCRIPT_PATH */

const script = import(new URL(SCRIPT_PATH, appAddress()).href);

export default function (component) {
  let end = null;
  let isOver = false;
  script.then(({ default: show }) => {
    if (!isOver) end = show(component);
  });
  return () => {
    isOver = true;
    end?.();
  };
}
